import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

describe('netctl run in a network that is there already', () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'web');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '--link', 'web:db', 'client');
    clean = await host.snapshot();
  });

  after(() => host[Symbol.asyncDispose]());

  afterEach(async () => {
    assert.deepEqual(difference(clean, await host.snapshot()), []);
    assert.equal((await netctl.ok('sandbox', 'ls', '-q')).split('\n').length, 2);
  });

  const namespace = (path: string): Promise<string> => host.sh(`stat -Lc %i ${path}`);

  it('host: the host’s own, with nothing made for it', async () => {
    assert.equal(await netctl.ok('run', '--network', 'host', '--', 'stat', '-Lc', '%i', '/proc/self/ns/net'), await namespace('/proc/self/ns/net'));
    assert.equal((await netctl.run(['run', '--network', 'host', '--', 'sh', '-c', 'exit 7'])).code, 7);
    // A script without #! is run as a shell would.
    await host.sh('printf "echo plain" >/run/script; chmod +x /run/script');
    assert.equal(await netctl.ok('run', '--network', 'host', '/run/script'), 'plain');
    await host.sh('rm /run/script');
    assert.deepEqual(await (await netctl.start(['run', '--network', 'host', '--', 'sh', '-c', 'kill -KILL $$'])).ended, { code: undefined, signal: 'SIGKILL' });
  });

  it('host: needs no daemon', async () => {
    assert.equal(await netctl.ok('--run-dir', '/run/nobody', '--no-autostart', 'run', '--network', 'host', 'echo', 'here'), 'here');
  });

  it('none: lo and nothing else', async () => {
    assert.match(await netctl.ok('run', '--network', 'none', '--', 'ip', '-br', 'addr'), /^lo +UNKNOWN +127\.0\.0\.1\/8 ::1\/128 *$/);
    assert.equal(await netctl.ok('run', '--network', 'none', '--', 'ip', 'route'), '');
  });

  it('sandbox: the namespace, the files and the variables of another sandbox', async () => {
    assert.equal(await netctl.ok('run', '--network', 'sandbox:web', '--', 'stat', '-Lc', '%i', '/proc/self/ns/net'), await namespace('/run/netns/web'));
    await using server = await host.netns('web').serve(8080, 'tcp', 'web');
    const said = await netctl.ok('run', '--network', 'sandbox:web', 'python3', '-c', `import socket; s = socket.create_connection(('127.0.0.1', ${String(server.port)})); s.send(b'x'); print(s.recv(100).decode())`);
    assert.match(said, /^web/);
    assert.match(await netctl.ok('run', '--network', 'sandbox:client', '--', 'sh', '-c', 'echo $DB_NAME; cat /etc/hosts'), /^\/client\/db\n[^]*client/);
    assert.equal((await netctl.run(['run', '--network', 'sandbox:web', '--', 'sh', '-c', 'exit 5'])).code, 5);
  });

  it('sandbox: becomes the program, which goes on when the sandbox is removed', async () => {
    await netctl.ok('sandbox', 'create', 'short');
    await using running = await netctl.start(['run', '--network', 'sandbox:short', '--', 'sh', '-c', 'echo up; read line; ip -br link; exit 4']);
    await running.waitFor(/up/);
    assert.match(await host.sh(`cat /proc/${String(running.innerPid)}/comm`), /^sh$/);
    await netctl.ok('sandbox', 'rm', 'short');
    running.write('\n');
    assert.deepEqual(await running.ended, { code: 4, signal: undefined });
    assert.match(running.output, /^up\nlo /);
  });

  it('container: asks the engine for the process', async () => {
    await using process = await host.spawn(['unshare', '-n', 'sleep', '1000']);
    await host.sh(`until [ "$(readlink /proc/${String(process.innerPid)}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done`);
    const containers = { web: { Id: 'c'.repeat(64), Name: '/web', State: { Pid: process.innerPid } }, idle: { Id: 'd'.repeat(64), Name: '/idle', State: { Pid: 0 } } };
    await host.sh('cat >/run/engine.py', {
      input: `import http.server, json, os, socketserver
known = json.loads('''${JSON.stringify(containers)}''')
class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self): return 'unix'
    def do_GET(self):
        found = known.get(self.path.split('/')[2])
        body = json.dumps(found or {'message': 'no such container'}).encode()
        self.send_response(200 if found else 404); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
server = socketserver.UnixStreamServer('/run/docker.sock', Handler)
print('up', flush=True)
server.serve_forever()`,
    });
    await using engine = await host.spawn(['python3', '/run/engine.py']);
    await engine.waitFor(/up/);
    assert.equal(await netctl.ok('run', '--network', 'container:web', '--', 'stat', '-Lc', '%i', '/proc/self/ns/net'), await namespace(`/proc/${String(process.innerPid)}/ns/net`));
    const id = await netctl.ok('link', 'client', 'container:web', '--ip', 'client=10.1.1.0/31', '--ip', 'container:web=10.1.1.1/31');
    assert.match(await netctl.ok('run', '--network', 'container:web', '--', 'ping', '-c', '1', '-W', '1', '10.1.1.0'), / 0% packet loss/);
    await netctl.ok('link', 'rm', id);
    assert.match((await netctl.run(['run', '--network', 'container:idle', '--', 'true'])).stderr, /container 'idle' does not run: it has no network namespace until 'docker start idle'/);
    await netctl.ok('network', 'prune'); // flushes what waits to be deleted; blue is in use
    await process.kill('SIGKILL');
    await engine.kill('SIGKILL');
    await host.sh('rm /run/docker.sock /run/engine.py');
  });

  it('is explained by the words that are run', async () => {
    assert.equal(await netctl.ok('--explain', 'run', '--network', 'sandbox:web', '--', 'echo', 'a b'), `${await host.sh('command -v ip')} netns exec web echo 'a b'`);
    assert.equal(await netctl.ok('--explain', 'run', '--network', 'host', '--', 'echo', 'a b'), `${await host.sh('command -v env')} -- echo 'a b'`);
  });

  it('network ls shows host and none, as Docker does', async () => {
    assert.match(await netctl.ok('network', 'ls'), /^[0-9a-f]{12} +host +host +- +0 +netctl\n[0-9a-f]{12} +none +null +- +0 +netctl$/m);
    assert.match(await netctl.ok('network', 'inspect', '--format', 'table', 'host'), /^Driver: +host$/m);
    const ids = (await netctl.json<{ id: string; name: string }[]>('network', 'ls')).filter(({ name }) => name !== 'blue').map(({ id }) => id);
    for (const id of ids) assert.equal((await netctl.run(['network', 'rm', id])).code, 1);
  });

  const OPTIONS = [
    '--name x',
    '-p 80',
    '--hostname x',
    '--add-host x:10.0.0.1',
    '--expose 80',
    '--label a=b',
    '--dns 192.0.2.1',
    '--dns-search x',
    '--dns-option ndots:1',
    '--link web',
    '--sysctl net.ipv4.ip_forward=1',
    '--ip 10.9.0.9',
    '--ip6 fd00::9',
    '--mac 02:00:00:00:00:01',
    '--alias x',
    '--gw-priority 1',
    '--driver-opt a=b',
  ];
  for (const option of OPTIONS) {
    it(`refuses ${option}, which says something about a sandbox of its own`, async () => {
      for (const [network, whose] of [['host', 'the host has'], ['sandbox:web', "sandbox 'web' has"]] as const) {
        const { code, stderr } = await netctl.run(['run', '--network', network, ...option.split(' '), '--', 'true']);
        assert.equal(code, 125);
        assert.match(stderr, new RegExp(`^netctl: ${option.split(' ')[0] ?? ''} says something about a sandbox of its own, and with --network '${network}' there is none: [^\\n]* ${whose}\\n$`));
      }
    });
  }

  const REFUSED: readonly (readonly [code: number, words: readonly string[], says: RegExp])[] = [
    [125, ['--network', 'host', '--network', 'blue'], /--network 'host' and --network 'blue' do not go together/],
    [125, ['--network', 'blue', '--network', 'sandbox:web'], /--network 'blue' and --network 'sandbox:web' do not go together/],
    [125, ['--network', 'none', '--network', 'blue'], /--network 'none' stands alone/],
    [125, ['--network', 'host,ip=10.9.0.9'], /'host,ip=10\.9\.0\.9': a network is shared as it is/],
    [125, ['--network', 'sandbox:web,alias=x'], /a network is shared as it is/],
    [125, ['--network', 'sandbox:'], /--network 'sandbox:' must name whose network it is, as in sandbox:web/],
    [125, ['--network', 'sandbox:nope'], /no such sandbox 'nope': 'netctl sandbox ls' lists/],
    [125, ['--network', 'container:nope'], /no such container 'nope': 'docker ps' lists what there is, if an engine runs/],
  ];
  for (const [code, words, says] of REFUSED) {
    it(`refuses ${words.join(' ')}`, async () => {
      const refused = await netctl.run(['run', ...words, '--', 'true']);
      assert.match(refused.stderr, says);
      assert.match(refused.stderr, /^netctl: [^\n]+\n$/);
      assert.equal(refused.code, code);
    });
  }

  it('says 127 where there is no such program, 126 where it cannot be run', async () => {
    for (const network of ['host', 'sandbox:web']) {
      assert.equal((await netctl.run(['run', '--network', network, '--', 'no-such-program'])).code, 127);
      assert.equal((await netctl.run(['run', '--network', network, '--', '/etc'])).code, 126);
    }
  });
});
