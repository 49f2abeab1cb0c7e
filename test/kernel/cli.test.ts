import assert from 'node:assert/strict';
import type { NetworkView, SandboxView } from '../../src/controller/views.ts';
import type { Background } from '../support/background.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

const split = (text: string): string[] => text.split(' ');

describe('netctl', () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let clean: MachineState;
  let daemon: Background;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    daemon = await netctl.daemon();
    clean = await host.snapshot();
  });

  after(() => host[Symbol.asyncDispose]());

  // Each test ends with the machine as it was: nothing of one reaches the next, and nothing is left.
  afterEach(async () => {
    const sandboxes = (await netctl.ok('sandbox', 'ls', '-q', '--no-trunc')).split('\n').filter((id) => id !== '');
    if (sandboxes.length > 0) await netctl.ok('sandbox', 'rm', ...sandboxes);
    await netctl.ok('network', 'prune');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  it('makes a network and two sandboxes that reach each other, and removes them', async () => {
    const id = await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(await netctl.ok('sandbox', 'create', '--network', 'blue', 'a'), /^[0-9a-f]{64}$/);
    await netctl.ok('sandbox', 'create', '--network', 'blue,ip=10.9.0.7', 'b');
    assert.match(await netctl.ok('exec', 'a', '--', 'ping', '-c', '1', '-W', '1', '10.9.0.7'), / 0% packet loss/);
    // `ip netns` knows it.
    assert.match(await host.sh('ip netns exec b ip -4 -br addr show eth0'), /10\.9\.0\.7\/24/);
    assert.equal(await netctl.ok('sandbox', 'rm', 'a', 'b'), 'a\nb');
    assert.equal(await netctl.ok('network', 'rm', 'blue'), 'blue');
  });

  it('lists as Docker does: short ids, aligned columns, -q, JSON', async () => {
    const id = await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', '--ipv6', '--subnet', 'fd00:9::/64', 'blue');
    await netctl.ok('network', 'create', '--subnet', '10.10.0.0/24', 'a-longer-name');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'web');
    const [heading = '', first = '', second = ''] = (await netctl.ok('network', 'ls')).split('\n');
    assert.match(heading, /^NETWORK ID +NAME +DRIVER +SUBNETS +ENDPOINTS/);
    assert.match(first, new RegExp(`^${id.slice(0, 12)} +blue +bridge +10\\.9\\.0\\.0/24, fd00:9::/64 +1 `));
    assert.equal(second.indexOf('a-longer-name'), heading.indexOf('NAME'));
    assert.equal((await netctl.ok('network', 'ls', '-q')).split('\n')[0], id.slice(0, 12));
    const [network] = await netctl.json<NetworkView[]>('network', 'ls');
    assert.equal(network?.id, id);
    assert.equal(network.endpoints[0]?.ipv4, '10.9.0.2/24');
    assert.match(await netctl.ok('sandbox', 'ls'), /^SANDBOX ID +NAME +KIND +NETWORKS +NAMESPACE\n[0-9a-f]{12} +web +named +blue +\/run\/netns\/web$/);
    assert.match(await netctl.ok('ps'), /web +named +blue +10\.9\.0\.2, fd00:9::2 +-/);
  });

  it('inspects by name, id and shortened id, as JSON or as a sheet', async () => {
    const id = await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', '--label', 'team=red', '-o', 'com.docker.network.driver.mtu=1400', 'blue');
    for (const name of ['blue', id, id.slice(0, 6)]) {
      const [network] = JSON.parse(await netctl.ok('network', 'inspect', name)) as NetworkView[];
      assert.equal(network?.id, id);
      assert.deepEqual(network.labels, { team: 'red' });
      assert.equal(network.mtu, 1400);
    }
    await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '8080:80', '--hostname', 'shop', 'web');
    assert.match(await netctl.ok('sandbox', 'inspect', 'web', '--format', 'table'), /Name: +web\n[^]*Hostname: +shop\n[^]*80\/tcp -> 0\.0\.0\.0:8080/);
    const { code, stdout, stderr } = await netctl.run(['network', 'inspect', 'blue', 'nope']);
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as NetworkView[]).length, 1);
    assert.match(stderr, /^netctl: no such network 'nope'/);
  });

  it('takes every way of saying what a network is', async () => {
    await netctl.ok(
      ...split('network create --driver bridge --subnet 10.9.0.0/24 --ip-range 10.9.0.128/25 --gateway 10.9.0.254'),
      ...split('--aux-address printer=10.9.0.129 --subnet=fd00:9::/64 --internal --label a=b --opt com.docker.network.bridge.name=br-blue --ipam default blue'),
    );
    const [network] = await netctl.json<NetworkView[]>('network', 'inspect', 'blue');
    assert.deepEqual(network?.ipv4, [{ subnet: '10.9.0.0/24', range: '10.9.0.128/25', gateway: '10.9.0.254', auxiliary: { printer: '10.9.0.129' } }]);
    assert.equal(network.internal, true);
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'web');
    const [web] = await netctl.json<SandboxView[]>('sandbox', 'inspect', 'web');
    assert.equal(web?.endpoints[0]?.ipv4, '10.9.0.128/24');
    assert.match(await host.sh('ip -br link show br-blue'), /^br-blue /);
  });

  it("takes Docker's --ipv6=true and --ipv6=false", async () => {
    await netctl.ok('network', 'create', '--ipv6=true', 'six');
    await netctl.ok('network', 'create', '--ipv6=false', 'four');
    const [six, four] = await netctl.json<NetworkView[]>('network', 'ls');
    assert.equal(six?.ipv6.length, 1);
    assert.equal(four?.ipv6.length, 0);
  });

  it('takes every way of saying what a sandbox is', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('network', 'create', '--subnet', '10.8.0.0/24', 'green');
    await netctl.ok(
      ...split('sandbox create --network name=blue,ip=10.9.0.5,mac=02:00:00:00:00:05,alias=shop,alias=store --network green,gw-priority=10'),
      ...split('-p 8080:80 -p 127.0.0.1:5353:53/udp -p 9000-9001:90-91 --hostname shop --add-host db:10.0.0.9 --expose 99/udp --label x=y'),
      ...split('--dns 192.0.2.53 --dns-search example.org --dns-option ndots:2 --link other:db --sysctl net.ipv4.ip_default_ttl=99 web'),
    );
    const [web] = await netctl.json<SandboxView[]>('sandbox', 'inspect', 'web');
    assert.ok(web);
    const [blue, green] = web.endpoints;
    assert.deepEqual([blue?.ipv4, blue?.mac, blue?.aliases, blue?.gatewayFor], ['10.9.0.5/24', '02:00:00:00:00:05', ['shop', 'store'], []]);
    assert.deepEqual([green?.network, green?.gatewayFor], ['green', [4]]);
    assert.deepEqual(web.dns, { servers: ['192.0.2.53'], search: ['example.org'], options: ['ndots:2'] });
    assert.deepEqual([web.hostname, web.extraHosts, web.exposed, web.links, web.labels], ['shop', ['db:10.0.0.9'], ['99/udp'], ['other:db'], { x: 'y' }]);
    assert.equal(await netctl.ok('exec', 'web', '--', 'cat', '/proc/sys/net/ipv4/ip_default_ttl'), '99');
    assert.match(await netctl.ok('exec', 'web', '--', 'ip', 'route', 'show', 'default'), /via 10\.8\.0\.1 /);
    const [udp, ...tcp] = (await netctl.ok('port', 'web')).split('\n');
    assert.equal(udp, '53/udp -> 127.0.0.1:5353');
    const both = (container: number, hostPort: number): string[] => ['0.0.0.0', '[::]'].map((address) => `${String(container)}/tcp -> ${address}:${String(hostPort)}`);
    assert.deepEqual(tcp, [...both(80, 8080), ...both(90, 9000), ...both(91, 9001)]);
    assert.equal(await netctl.ok('port', 'web', '80'), '0.0.0.0:8080\n[::]:8080');
    assert.equal((await netctl.run(['port', 'web', '81/tcp'])).code, 1);
  });

  it('gives the options of the one network without its name', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '--ip', '10.9.0.9', '--mac-address', '02:00:00:00:00:09', '--alias', 'db', 'web');
    const [web] = await netctl.json<SandboxView[]>('sandbox', 'inspect', 'web');
    assert.deepEqual([web?.endpoints[0]?.ipv4, web?.endpoints[0]?.mac, web?.endpoints[0]?.aliases], ['10.9.0.9/24', '02:00:00:00:00:09', ['db']]);
    const { code, stderr } = await netctl.run(['sandbox', 'create', '--network', 'blue', '--network', 'bridge', '--ip', '10.9.0.9', 'other']);
    assert.equal(code, 2);
    assert.match(stderr, /with several write --network NET,ip=ADDRESS/);
  });

  it('connects and disconnects', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', 'web');
    assert.equal(await netctl.ok('network', 'connect', '--ip', '10.9.0.6', '--mac', '02:00:00:00:00:06', '--alias', 'shop', '--gw-priority', '-5', 'blue', 'web'), '');
    assert.match(await netctl.ok('exec', 'web', '--', 'ip', '-4', '-br', 'addr', 'show', 'eth0'), /10\.9\.0\.6\/24/);
    const { code, stderr } = await netctl.run(['network', 'connect', 'blue', 'web']);
    assert.deepEqual([code, stderr], [1, "netctl: sandbox 'web' is connected to network 'blue' already\n"]);
    assert.match((await netctl.run(['network', 'rm', 'blue'])).stderr, /^netctl: network 'blue' has active endpoints \(web\)/);
    assert.equal(await netctl.ok('network', 'disconnect', 'blue', 'web'), '');
    assert.equal(await netctl.ok('exec', 'web', '--', 'ip', '-br', '-4', 'addr', 'show', 'scope', 'global'), '');
  });

  it('adopts a namespace by path and one by process, and leaves both behind', async () => {
    await host.sh('ip netns add old');
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'adopt', '--netns', '/run/netns/old', '--network', 'blue', 'one');
    await using process = await host.spawn(['unshare', '-n', 'sleep', '60']);
    await netctl.ok('sandbox', 'adopt', '--pid', String(process.innerPid), '--network', 'blue', 'two');
    const { endpoints: [two] = [] } = (await netctl.json<SandboxView[]>('sandbox', 'inspect', 'two'))[0] ?? {};
    assert.match(await netctl.ok('exec', 'one', '--', 'ping', '-c', '1', '-W', '1', two?.ipv4?.split('/')[0] ?? ''), / 0% packet loss/);
    await netctl.ok('sandbox', 'rm', 'one', 'two');
    await netctl.ok('network', 'rm', 'blue');
    assert.equal(await host.sh('ip netns exec old ip -br link | grep -v ^lo || :'), '');
    await host.sh('ip netns delete old');
  });

  it('publishes a port to the LAN', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '8080:80', 'web');
    await using served = await host.netns('web').serve(80, 'tcp', 'hello');
    assert.match((await host.outside.probe(host.address4, 8080)).answer, /^hello /);
    assert.equal(await host.outside.canReach('10.9.0.2', served.port), false);
    const busy = await netctl.run(['sandbox', 'create', '--network', 'blue', '-p', '8080:80', 'other']);
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /^netctl: .*8080.*\n$/);
  });

  it('explains changes with commands that do the same, and changes nothing', async () => {
    const before = await host.snapshot();
    const commands = await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', '-o', 'com.docker.network.bridge.name=br-blue', '--explain', 'blue');
    assert.match(commands, /ip link add name br-blue .*type bridge/);
    assert.match(commands, /ip address add 10\.9\.0\.1\/24 .*dev br-blue/);
    assert.match(commands, /^(?:nft -f -|iptables-\S+ --noflush -w) <</m);
    assert.deepEqual(difference(before, await host.snapshot()), []);
    assert.doesNotMatch(await netctl.ok('network', 'ls'), /blue/);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    assert.match(await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '80', '--explain', 'web'), /ip netns add web[^]*type veth/);
    assert.match(await netctl.ok('--explain', 'run', '--network', 'blue', '--name', 'once', '--', 'true'), /ip netns add once/);
    assert.match(await netctl.ok('network', '--explain', 'rm', 'blue'), /ip link del/);
    assert.deepEqual((await netctl.json<NetworkView[]>('network', 'ls')).map(({ name }) => name), ['blue', 'host', 'none']);
    assert.deepEqual(await netctl.json('sandbox', 'ls'), []);
    // What is wrong is wrong in an explanation too.
    assert.equal((await netctl.run(['sandbox', 'create', '--network', 'nope', '--explain', 'web'])).code, 1);
  });

  it('says what happens while it happens', async () => {
    await using events = await netctl.start(['events']);
    await using lines = await netctl.start(['events', '--format', 'json']);
    // Subscribed is who is counted.
    await host.sh(`until [ "$(ss -xH state established | grep -c netctl.sock)" -ge 2 ]; do :; done`);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await events.waitFor(/^\d{4}-\d\d-\d\dT[\d:.]+Z network create blue \([0-9a-f]{12}, driver=bridge\)$/m);
    const [line = ''] = await lines.waitFor(/^\{.*"action":"create".*\}$/m);
    assert.equal((JSON.parse(line) as { name: string }).name, 'blue');
  });

  it('finds what others have wrecked, and repairs it', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'web');
    assert.doesNotMatch(await netctl.ok('doctor'), /^(?:warning|error)/m);
    assert.equal(await netctl.ok('doctor', '--fix'), 'nothing to repair');
    await host.sh('ip netns exec web ip address flush dev eth0');
    const sick = await netctl.run(['doctor']);
    assert.equal(sick.code, 1);
    assert.match(sick.stdout, /^error +links: address 10\.9\.0\.2\/24 is missing on eth0; 'netctl doctor --fix' puts it right$/m);
    const findings = await netctl.run(['doctor', '--format', 'json']);
    assert.equal(findings.code, 1);
    assert.ok((JSON.parse(findings.stdout) as { level: string }[]).some(({ level }) => level === 'error'));
    assert.match(await netctl.ok('doctor', '--fix'), /^address 10\.9\.0\.2\/24 on eth0 restored$/m);
    assert.match(await netctl.ok('exec', 'web', '--', 'ping', '-c', '1', '-W', '1', '10.9.0.1'), / 0% packet loss/);
    assert.equal((await netctl.run(['doctor'])).code, 0);
  });

  it('prunes only what nobody uses', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'used');
    await netctl.ok('network', 'create', '--subnet', '10.8.0.0/24', 'idle');
    await netctl.ok('sandbox', 'create', '--network', 'used', 'web');
    assert.equal(await netctl.ok('network', 'prune', '-f'), 'idle');
  });

  it('completes commands, options and names', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', 'web');
    const complete = async (...words: string[]): Promise<string[]> => (await netctl.ok('__complete', ...words)).split('\n');
    assert.deepEqual(await complete('net'), ['network']);
    assert.deepEqual(await complete('network', 'c'), ['create', 'connect']);
    assert.ok((await complete('network', 'create', '--sub')).includes('--subnet'));
    assert.deepEqual(await complete('network', 'connect', ''), ['blue']);
    assert.deepEqual(await complete('network', 'connect', '--ip', '10.9.0.3', 'blue', ''), ['web']);
    assert.deepEqual(await complete('sandbox', 'create', '--network', 'b'), ['blue']);
    assert.deepEqual(await complete('run', '--network', ''), ['blue', 'none', 'host']);
    assert.deepEqual(await complete('network', 'ls', '--format', ''), ['table', 'json']);
    assert.deepEqual(await complete('link', ''), ['create', 'ls', 'inspect', 'rm', 'web']);
    assert.deepEqual(await complete('link', '--mtu', '9000', 'web', ''), ['web']);
    assert.deepEqual(await complete('link', 'rm', ''), ['']);
    // bash itself
    const script = `netctl() { ${process.execPath} ${new URL('../../src/cli/main.ts', import.meta.url).pathname} "$@"; }
      source <(netctl completion bash); COMP_WORDS=(netctl sandbox r); COMP_CWORD=2; _netctl; echo "\${COMPREPLY[*]}"`;
    assert.equal((await host.exec(['bash', '-c', script])).stdout, 'rm\n');
  });

  it('prints versions of both ends', async () => {
    assert.match(await netctl.ok('--version'), /^netctl \d+\.\d+\.\d+$/);
    assert.match(await netctl.ok('version'), /^netctl \d+\.\d+\.\d+ .*\ndaemon \d+\.\d+\.\d+ .*instance [0-9a-f]{8}\)$/);
    const { daemon: answer } = await netctl.json<{ daemon: { pid: number } }>('version');
    assert.equal(answer.pid, daemon.innerPid);
  });
});
