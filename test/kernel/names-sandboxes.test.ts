import assert from 'node:assert/strict';
import type { NameAnswer } from '../../src/controller/ask-name.ts';
import type { Finding } from '../../src/controller/finding.ts';
import type { NameCounts, NameView } from '../../src/controller/name-views.ts';
import type { Background } from '../support/background.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

/** A program that owns port 53 of every address, UDP and TCP, asks 127.0.0.11 all the same, and hears who asks itself. */
const OWNER = `
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('0.0.0.0', 53)); udp.settimeout(2)
tcp = socket.create_server(('0.0.0.0', 53))
print(socket.gethostbyname('web'), flush=True)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client: client.sendto(b'own', ('127.0.0.1', 53))
print(udp.recv(9).decode())
`;

describe('names inside a sandbox', () => {
  let clean: MachineState;
  let host: PrivateHost;
  let netctl: Netctl;
  let daemon: Background;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    clean = await host.snapshot();
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', '--subnet', 'fd00:9::/64', 'blue');
    await netctl.ok('network', 'create', '--internal', '--subnet', '10.8.0.0/24', 'inner');
    await netctl.ok('sandbox', 'create', '--network', 'blue,alias=www', '--expose', '80', '--expose', '53/udp', 'web');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '--network', 'inner', '--add-host', 'x.example:192.0.2.7', '--link', 'web:site', '--link', 'later:soon', 'client');
  });

  after(() => host[Symbol.asyncDispose]());

  /** What `getent hosts` says of a name: its addresses. */
  const lookUp = async (sandbox: string, name: string): Promise<string[]> => {
    const { stdout } = await netctl.run(['exec', sandbox, '--', 'getent', 'ahosts', name]);
    return [...new Set(stdout.split('\n').flatMap((line) => line.split(/\s+/)[0] || []))].toSorted();
  };
  const wrong = async (subject: string): Promise<string[]> => {
    const { stdout } = await netctl.run(['doctor', '--format', 'json']);
    return (JSON.parse(stdout) as Finding[]).filter((finding) => finding.subject === subject && finding.level !== 'ok').map(({ message }) => message);
  };

  it('are found by every resolver there is', async () => {
    assert.deepEqual(await lookUp('client', 'web'), ['10.9.0.2', 'fd00:9::2']);
    assert.deepEqual(await lookUp('client', 'WWW.blue'), ['10.9.0.2', 'fd00:9::2']);
    assert.deepEqual(await lookUp('client', 'x.example'), ['192.0.2.7']);
    assert.deepEqual(await lookUp('web', 'client'), ['10.9.0.3', 'fd00:9::3']);
    assert.deepEqual(await lookUp('web', 'client.inner'), []);
    const dig = (...words: string[]): Promise<string> => netctl.ok('exec', 'client', '--', 'dig', '+short', '+tries=1', ...words);
    assert.equal(await dig('web', 'aaaa'), 'fd00:9::2');
    assert.equal(await dig('+tcp', '-x', '10.9.0.2'), 'web.blue.');
    assert.equal(await dig('_80._tcp.www', 'srv'), '0 0 80 web.blue.');
    assert.match(await netctl.ok('exec', 'client', '--', 'busybox', 'nslookup', 'web'), /Name:\s+web\nAddress(?: 1)?: \S*10\.9\.0\.2/);
    assert.equal(await netctl.ok('exec', 'client', '--', 'python3', '-c', 'import socket; print(socket.getaddrinfo("site", 80, socket.AF_INET, socket.SOCK_STREAM)[0][4])'), "('10.9.0.2', 80)");
    // Without the files, as a program with a resolver of its own.
    assert.equal(await host.netns('client').sh('dig +short @127.0.0.11 web'), '10.9.0.2');
  });

  it('lead to servers: wget by a neighbour’s name', async () => {
    await using server = await netctl.start(['exec', 'web', '--', 'python3', '-u', '-m', 'http.server', '80', '--bind', '::', '--directory', '/etc/netns/web']);
    await server.waitFor(/Serving HTTP/);
    assert.equal(await netctl.ok('exec', 'client', '--', 'busybox', 'wget', '-qO-', 'http://www/hostname'), 'web');
    assert.equal(await netctl.ok('exec', 'client', '--', 'curl', '-s', 'http://web.blue/hostname'), 'web');
  });

  it('are there when connect returns, and gone when disconnect and rm do', async () => {
    await netctl.ok('sandbox', 'create', '--network', 'inner', 'asker');
    await netctl.ok('sandbox', 'create', 'guest');
    const script = "dig +noall +comments +answer +tries=1 @127.0.0.11 $name | sed -n 's/.*status: \\([A-Z]*\\).*/\\1/p; s/.*[[:space:]]A[[:space:]]*\\([0-9.]*\\)$/\\1/p'";
    const ask = (): Promise<string> => host.netns('asker').sh(`for name in guest visitor.inner; do ${script}; done`);
    for (let round = 0; round < 5; round += 1) {
      assert.equal(await ask(), 'NXDOMAIN\nNXDOMAIN');
      await netctl.ok('network', 'connect', '--ip', '10.8.0.77', '--alias', 'visitor', 'inner', 'guest');
      assert.equal(await ask(), 'NOERROR\n10.8.0.77\nNOERROR\n10.8.0.77');
      await netctl.ok('network', 'disconnect', 'inner', 'guest');
    }
    await netctl.ok('network', 'connect', 'inner', 'guest');
    await netctl.ok('sandbox', 'rm', 'guest');
    assert.equal(await ask(), 'NXDOMAIN\nNXDOMAIN');
    await netctl.ok('sandbox', 'rm', 'asker');
  });

  it('are served beside a program that owns port 53', async () => {
    assert.equal(await netctl.ok('exec', 'client', '--', 'python3', '-c', OWNER), '10.9.0.2\nown');
  });

  it('are listed with where they come from, and asked for as somebody inside', async () => {
    const names = await netctl.json<NameView[]>('dns', 'ls');
    const said = new Set(names.map(({ name, from, network, knownTo }) => `${name} ${from} ${network ?? knownTo ?? ''}`));
    for (const row of ['web sandbox blue', 'www alias blue', 'client sandbox inner', 'host.netctl.internal host inner', 'site link client', 'x.example extra host client']) assert.ok(said.has(row), row);
    assert.deepEqual((await netctl.json<NameView[]>('dns', 'ls', 'inner')).map(({ from }) => from), ['host', 'sandbox', 'id']);
    const answer = await netctl.json<NameAnswer>('dns', 'query', '--sandbox', 'client', 'site', 'AAAA');
    assert.deepEqual([answer.rcode, answer.answers], ['NOERROR', [{ name: 'site', type: 'AAAA', ttl: 0, data: 'fd00:9::2' }]]);
    const { code, stdout } = await netctl.run(['dns', 'query', '--network', 'inner', 'web']);
    assert.deepEqual([code, stdout.split(' ')[0]], [1, 'NXDOMAIN']);
    const { code: usage, stderr } = await netctl.run(['dns', 'query', '--sandbox', 'nobody', 'web']);
    assert.deepEqual([usage, stderr], [1, "netctl: no such sandbox 'nobody': 'netctl sandbox ls' lists what there is\n"]);
    const [all, ...each] = await netctl.json<NameCounts[]>('dns', 'stats');
    assert.ok(all !== undefined && all.asker === null && all.queries > 10 && all.local > 5);
    assert.deepEqual(each.map(({ asker }) => asker), ['web', 'client']);
  });

  it('of links set the environment, and stand in the hosts file while the neighbour is there', async () => {
    const seen = (): Promise<string> => netctl.ok('exec', 'client', '--', 'sh', '-c', 'echo $SITE_PORT_80_TCP_ADDR:$SITE_PORT_80_TCP_PORT; sed -n "s/^\\([0-9.]*\\)\tsite web/\\1/p" /etc/hosts');
    assert.equal(await seen(), '10.9.0.2:80\n10.9.0.2');
    // A program that is running sees the file change: it is the same file.
    await using watching = await netctl.start(['exec', 'client', '--', 'sh', '-c', 'echo up; until grep -q "192.0.2.99 hand" /etc/hosts && ! grep -q site /etc/hosts; do sleep 0.02; done; echo changed']);
    await watching.waitFor(/up/);
    await host.sh('echo "192.0.2.99 hand" >>/etc/netns/client/hosts');
    await netctl.ok('network', 'disconnect', 'blue', 'web');
    await watching.waitFor(/changed/);
    assert.equal(await seen(), ':');
    await netctl.ok('network', 'connect', '--ip', '10.9.0.2', '--ip6', 'fd00:9::2', '--alias', 'www', 'blue', 'web');
    assert.equal(await seen(), '10.9.0.2:80\n10.9.0.2');
    assert.deepEqual(await lookUp('client', 'hand'), ['192.0.2.99']);
    assert.equal(await netctl.ok('run', '--network', 'blue', '--link', 'web:site', '--', 'sh', '-c', 'echo $SITE_NAME | sed s,/.*/,,; echo spoilt >/etc/hosts'), 'site');
  });

  it('come back with a daemon that was killed, and with what was deleted under it', async () => {
    const inode = await host.sh('stat -c %i /etc/netns/client/hosts');
    await daemon.kill('SIGKILL');
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
    assert.deepEqual(await lookUp('client', 'www'), ['10.9.0.2', 'fd00:9::2']);
    assert.equal(await host.sh('stat -c %i /etc/netns/client/hosts; tail -n 1 /etc/netns/client/hosts'), `${inode}\n192.0.2.99 hand`);
    await host.sh('ip netns exec client nft flush ruleset; rm /etc/netns/client/resolv.conf');
    assert.deepEqual(await lookUp('client', 'www'), []);
    assert.ok((await wrong('links')).includes('the way to the name server is missing in /run/netns/client'));
    assert.deepEqual(await wrong('names'), ["file resolv.conf of sandbox 'client' is missing or not as it should be"]);
    const { stdout } = await netctl.run(['doctor', '--fix']);
    assert.match(stdout, /the way to the name server restored in \/run\/netns\/client/);
    assert.match(stdout, /file resolv\.conf of sandbox 'client' is missing or not as it should be: put right/);
    assert.deepEqual(await lookUp('client', 'www'), ['10.9.0.2', 'fd00:9::2']);
    assert.deepEqual(await lookUp('web', 'client'), ['10.9.0.3', 'fd00:9::3']);
    assert.deepEqual([await wrong('links'), await wrong('names')], [[], []]);
  });

  it('are completed by the host’s search list as it is now', async () => {
    const resolver = (): Promise<string> => netctl.ok('exec', 'client', '--', 'grep', '-E', '^(search|options)', '/etc/resolv.conf');
    const before = await host.sh('cat /etc/resolv.conf');
    const followed = await resolver();
    await host.sh("printf 'nameserver 192.0.2.1\nsearch moved.example\noptions rotate\n' >/etc/resolv.conf");
    assert.deepEqual(await wrong('names'), []);
    assert.equal(await resolver(), 'search moved.example\noptions rotate ndots:0');
    await host.sh(`cat >/etc/resolv.conf <<'E'\n${before}\nE`);
    assert.deepEqual(await wrong('names'), []);
    assert.equal(await resolver(), followed);
  });

  it('come back by themselves with a namespace that was deleted, and nothing of the old one stays', async () => {
    const links = (): Promise<string> => host.sh('ip -o link show type veth | wc -l; ip netns exec client ip neigh flush all');
    const before = await links();
    await host.sh('ip netns del web');
    // Where its name server's sockets are, it lives on without a name.
    assert.deepEqual(await eventually(() => lookUp('web', 'client'), (found) => found.length > 0), ['10.9.0.3', 'fd00:9::3']);
    assert.deepEqual(await lookUp('client', 'www'), ['10.9.0.2', 'fd00:9::2']);
    assert.match(await host.sh('ip netns exec client ping -c 1 -W 2 web'), / 0% packet loss/);
    assert.equal(await eventually(links, (now) => now === before), before);
    assert.deepEqual([await wrong('sandboxes'), await wrong('links'), await wrong('names')], [[], [], []]);
  });

  it('in an adopted namespace are its own, unless something is said about them', async () => {
    const inside = (): Promise<string> => host.sh('ip netns exec old nft list ruleset; ls /etc/netns; cat /etc/netns/old/resolv.conf');
    await host.sh('ip netns add old; mkdir /etc/netns/old; echo nameserver 198.51.100.1 >/etc/netns/old/resolv.conf');
    const before = await inside();
    await netctl.ok('sandbox', 'adopt', '--netns', '/run/netns/old', '--network', 'blue', 'old');
    assert.equal(await inside(), before);
    assert.notDeepEqual(await lookUp('client', 'old'), []);
    await netctl.ok('sandbox', 'rm', 'old');
    await netctl.ok('sandbox', 'adopt', '--netns', '/run/netns/old', '--network', 'blue', '--dns', '10.9.0.53', '--dns-search', 'blue', 'old');
    assert.match(await netctl.ok('exec', 'old', '--', 'cat', '/etc/resolv.conf'), /nameserver 127\.0\.0\.11\nsearch blue\noptions ndots:0\n# netctl.*\nnameserver 198\.51\.100\.1$/);
    assert.deepEqual(await lookUp('old', 'web'), ['10.9.0.2', 'fd00:9::2']);
    await netctl.ok('sandbox', 'rm', 'old');
    assert.equal(await inside(), before);
    await host.sh('ip netns del old; rm -r /etc/netns/old');
  });

  it('are served where /etc cannot be written, and the files are missed', async () => {
    await host.sh('mount -o bind,ro /etc/netns /etc/netns');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'poor');
    assert.equal(await host.netns('poor').sh('dig +short @127.0.0.11 web'), '10.9.0.2');
    assert.match((await wrong('names')).join('\n'), /^\/etc\/netns cannot be used: EROFS: read-only file system, mkdir '\/etc\/netns\/poor'$/);
    await daemon.waitFor(/WARN \/etc\/netns cannot be used: EROFS/);
    await host.sh('umount /etc/netns');
    await netctl.run(['doctor', '--fix']);
    assert.deepEqual(await wrong('names'), []);
    assert.deepEqual(await lookUp('poor', 'web'), ['10.9.0.2', 'fd00:9::2']);
    await netctl.ok('sandbox', 'rm', 'poor');
  });

  it('leave nothing behind', async () => {
    await netctl.ok('sandbox', 'rm', 'web', 'client');
    await netctl.ok('network', 'rm', 'blue', 'inner');
    await host.sh('rmdir /etc/netns');
    await netctl.ok('sandbox', 'create', 'last');
    await netctl.ok('sandbox', 'rm', 'last');
    assert.equal(await host.sh('ls -d /etc/netns || :'), '', 'the folder, where it was not there');
    await host.sh('mkdir /etc/netns');
    await daemon.kill('SIGTERM');
    assert.deepEqual(difference(clean, await host.snapshot()).filter((line) => !/netctl\.sock|\/run\/netctl|\/var\/lib\/netctl/.test(line)), []);
  });
});
