import assert from 'node:assert/strict';
import { PluginLab } from '../support/plugin-lab.ts';
import { SamplePlugin } from '../support/sample-plugin.ts';

describe('a Docker plugin is found', () => {
  let lab: PluginLab;

  before(async () => {
    lab = await PluginLab.open();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  it('by .spec and .json, in folders of its own name, over TCP', async () => {
    await using elsewhere = await SamplePlugin.start(lab.host, { name: 'elsewhere', socket: '/run/elsewhere/s.sock' });
    await lab.host.sh(`
      mkdir -p /etc/docker/plugins/indeed /usr/lib/docker/plugins 2>/dev/null || mkdir -p /etc/docker/plugins/indeed
      echo unix:///run/elsewhere/s.sock >/etc/docker/plugins/spoken.spec
      echo '{"Name": "indeed", "Addr": "unix:///run/elsewhere/s.sock"}' >/etc/docker/plugins/indeed/indeed.json
      echo tcp://127.0.0.1:4789 >/etc/docker/plugins/wired.spec`);
    await using relay = await lab.host.spawn(['python3', '-c', `import socket, threading
listening = socket.create_server(('127.0.0.1', 4789)); print('up', flush=True)
def pump(a, b):
  while data := a.recv(65536): b.sendall(data)
  b.shutdown(socket.SHUT_WR)
while True:
  near, _ = listening.accept(); far = socket.socket(socket.AF_UNIX); far.connect('/run/elsewhere/s.sock')
  for pair in ((near, far), (far, near)): threading.Thread(target=pump, args=pair, daemon=True).start()`]);
    await relay.waitFor(/up/);
    for (const name of ['spoken', 'indeed', 'wired']) {
      await lab.netctl.ok('network', 'create', '-d', name, '--subnet', '10.30.0.0/24', name);
      await lab.netctl.ok('network', 'rm', name);
      assert.deepEqual(elsewhere.methods(), ['Activate', 'GetCapabilities', 'CreateNetwork', 'DeleteNetwork'], name);
      elsewhere.forget();
    }
    await lab.host.sh('rm -r /etc/docker/plugins');
  });

  it('only where nobody but root can have put it', async () => {
    const refused = async (says: RegExp): Promise<void> => {
      const { code, stderr } = await lab.netctl.run(['network', 'create', '-d', 'odd', 'far']);
      assert.match(stderr, says);
      assert.match(stderr, /only root may have put it there\n$/);
      assert.equal(code, 1);
    };
    await using odd = await SamplePlugin.start(lab.host, { name: 'odd' });
    await lab.host.sh('chown 1000 /run/docker/plugins/odd.sock');
    await refused(/^netctl: plugin 'odd': '\/run\/docker\/plugins\/odd\.sock' belongs to user 1000;/);
    await lab.host.sh('chown 0 /run/docker/plugins/odd.sock; chmod 777 /run/docker/plugins');
    await refused(/others can write in folder '\/run\/docker\/plugins'/);
    await lab.host.sh('chmod 755 /run/docker/plugins; chown 1000 /run/docker/plugins');
    await refused(/folder '\/run\/docker\/plugins' belongs to user 1000/);
    await lab.host.sh('chown 0 /run/docker/plugins; mkdir -p /etc/docker/plugins /run/loose; chmod 1777 /run/loose; ln -s /run/docker/plugins/odd.sock /run/loose/s.sock; chown -h 1000 /run/loose/s.sock; rm /run/docker/plugins/odd.sock');
    await lab.host.sh('echo unix:///run/loose/s.sock >/run/docker/plugins/odd.spec; chmod 666 /run/docker/plugins/odd.spec');
    await refused(/others can write to '\/run\/docker\/plugins\/odd\.spec'/);
    assert.deepEqual(odd.heard(), []);
    await lab.host.sh('rm -r /etc/docker/plugins /run/docker/plugins/odd.spec /run/loose');
  });

  it('not by what makes no sense', async () => {
    await lab.host.sh(`cd /run/docker/plugins
      echo '{"Name":' >half.json; echo 'unix:///run/%zz' >odd.spec; : >empty.spec; mkdir folder.spec; ln -s /nowhere away.sock; : >file.sock
      echo unix:///run/gone.sock >gone.spec; echo junk >/run/junk.pem
      echo '{"Name": "junk", "Addr": "https://127.0.0.1:9", "TLSConfig": {"CertFile": "/run/junk.pem", "KeyFile": "/run/junk.pem"}}' >junk.json`);
    const says: readonly (readonly [name: string, code: number, words: RegExp])[] = [
      ['half', 2, /^netctl: plugin 'half': '\/run\/docker\/plugins\/half\.json' must be JSON with an Addr, as /],
      ['odd', 2, /names 'unix:\/\/\/run\/%zz', which must be unix:\/\/\/PATH, tcp:\/\/HOST:PORT, http:\/\/ or https:\/\//],
      ['empty', 2, /names '', which must be /],
      ['folder', 2, /folder\.spec' cannot be read: EISDIR/],
      ['away', 1, /no Docker plugin of that name/],
      ['file', 2, /file\.sock' is no socket/],
      ['gone', 1, /^netctl: plugin 'gone' at \/run\/gone\.sock cannot be asked for Plugin\.Activate, nobody listens there \(ENOENT\): start it\n$/],
      ['junk', 2, /^netctl: TLS files of plugin 'junk' \(\/run\/junk\.pem, \/run\/junk\.pem\) make no sense: /],
    ];
    for (const [name, code, words] of says) {
      const refused = await lab.netctl.run(['network', 'create', '-d', name, 'far']);
      assert.match(refused.stderr, words);
      assert.match(refused.stderr, /^netctl: [^\n]+\n$/);
      assert.equal(refused.code, code, name);
    }
    await lab.host.sh('cd /run/docker/plugins; rm -r half.json odd.spec empty.spec folder.spec away.sock file.sock gone.spec junk.json /run/junk.pem');
  });

  const REFUSED: readonly (readonly [code: number, words: readonly string[], says: RegExp])[] = [
    [1, ['network', 'create', '-d', 'nope', 'far'], /^netctl: no driver 'nope': there are bridge, .*, and no Docker plugin of that name in \/run\/docker\/plugins, \/etc\/docker\/plugins, \/usr\/lib\/docker\/plugins\n$/],
    [1, ['network', 'create', '-d', '../evil', 'far'], /no driver '\.\.\/evil'/],
    [1, ['network', 'create', '--ipam', 'nope', 'far'], /no Docker plugin 'nope' in \/run\/docker\/plugins/],
    [2, ['network', 'create', '--ipam', 'null', 'far'], /--ipam null gives no addresses, and driver 'bridge' has none of its own/],
    [1, ['network', 'create', '-d', 'sample', 'host'], /network 'host' is always there/],
    [1, ['--explain', 'network', 'create', '-d', 'sample', 'far'], /what a plugin will do is not known before it has been asked: it cannot be explained/],
    [2, ['--explain', '--trace', 'network', 'create', '-d', 'sample', 'far'], /--explain and --trace do not go together/],
    [2, ['--trace', 'network', 'ls'], /--trace: 'netctl network ls' changes nothing/],
    [2, ['network', 'create', '-d', 'sample', '--ipam', 'sample', '--subnet', '10.30.0.0/24', '--gateway', '10.31.0.1', 'far'], /address '10\.31\.0\.1' lies in none of the network's subnets \(10\.30\.0\.0\/24\)/],
  ];
  for (const [code, words, says] of REFUSED) {
    it(`refuses ${words.join(' ')}`, async () => {
      const refused = await lab.netctl.run(words);
      assert.match(refused.stderr, says);
      assert.match(refused.stderr, /^netctl: [^\n]+\n$/);
      assert.equal(refused.code, code);
    });
  }
});
