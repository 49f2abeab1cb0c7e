import assert from 'node:assert/strict';
import { Engine } from '../support/engine.ts';
import { PrivateHost } from '../support/host.ts';
import { HOST_PROGRAMS } from '../support/image.ts';
import { INTERNET } from '../support/lan.ts';
import { difference, type MachineState } from '../support/machine-state.ts';

describe('a Docker engine in a private host', () => {
  let host: PrivateHost;
  let engine: Engine;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    clean = await host.snapshot();
    engine = await Engine.start(host);
  });

  after(() => host[Symbol.asyncDispose]());

  it('publishes a port of its own bridge network to the LAN', async () => {
    await engine.ask('run', '-d', '--name', 'web', '-p', '8080:80', 'bb', 'httpd', '-f', '-p', '80', '-h', '/www');
    const { stdout } = await host.outside.exec(['curl', '-sS', `http://${host.address4}:8080/index.html`]);
    assert.equal(stdout, 'hello\n');
    assert.equal(await host.outside.canReach(host.address4, 8081), false);
  });

  it("lends containers the host's programs", async () => {
    const said = await engine.ask('run', '--rm', ...HOST_PROGRAMS, '--link', 'web', 'bb', 'curl', '-sS', 'http://web/index.html');
    assert.equal(said, 'hello');
  });

  it('reaches the internet from a container, under the address of the host', async () => {
    await using served = await host.outside.serve(0, 'tcp', 'internet');
    const web = await engine.container('web');
    const { answer } = await web.probe(INTERNET.address4, served.port);
    assert.match(answer, /^internet from 198\.51\.100\.10 /);
  });

  it('brings a compose file up and down', async () => {
    const file = `version: '3'
services:
  web: { image: bb, command: httpd -f -p 80 -h /www, ports: ['8090:80'] }
  client: { image: bb, depends_on: [web], command: wget -q -O - http://web/index.html }`;
    await engine.compose(file, ['up', '-d']);
    assert.equal(await host.outside.canReach(host.address4, 8090), true);
    await engine.compose(file, ['down']);
    assert.equal(await host.outside.canReach(host.address4, 8090), false);
  });

  it('has its containers again after SIGKILL and start', async () => {
    const before = engine.pid;
    await engine.kill9();
    assert.equal(engine.pid, undefined);
    await engine.start();
    assert.notEqual(engine.pid, before);
    await engine.ask('start', 'web');
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
  });

  it('has its containers again after a power cut', async () => {
    host = await host.reboot();
    assert.deepEqual(difference(clean, await host.snapshot(), ['links', 'nftables', 'routes', 'mounts', 'sockets']), []);
    engine = await Engine.start(host);
    await engine.ask('start', 'web');
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    await engine.ask('rm', '-f', 'web');
  });
});

describe('private hosts', () => {
  it('see each other on one LAN and nothing of each other otherwise', async () => {
    await using a = await PrivateHost.start({ name: 'a' });
    await using b = await PrivateHost.start({ name: 'b', lans: [a.outside] });
    await using served = await b.serve(0, 'tcp', 'b');
    assert.match((await a.probe(b.address4, served.port)).answer, /^b from 198\.51\.100\.10 /);
    assert.match((await a.probe(b.address6, served.port)).answer, /^b from 2001:db8:100::10 /);
    await a.sh('ip netns add blue && touch /run/mark /var/lib/mark /etc/mark');
    assert.equal(await b.sh('ip netns list; ls /run/mark /var/lib/mark /etc/mark 2>/dev/null || :'), '');
    assert.equal(await a.sh('hostname'), 'a');
  });

  it('say what a test left', async () => {
    await using host = await PrivateHost.start();
    const clean = await host.snapshot();
    await host.sh('ip netns add blue && ip link add v0 type veth peer name v1 netns blue && nft add table inet left');
    await using served = await host.serve(0, 'udp', 'left');
    const left = difference(clean, await host.snapshot());
    for (const sign of [/^links: \+ v0/, /^links: \+ blue: v1/, /^namespaces: \+ blue$/, /^nftables: \+ table inet left/, /^sockets: \+ udp/]) {
      assert.ok(left.some((line) => sign.test(line)), `${String(sign)} in:\n${left.join('\n')}`);
    }
    await served[Symbol.asyncDispose]();
    await host.sh('ip link delete v0; ip netns delete blue; nft delete table inet left');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  it('end every process that was started in them', async () => {
    const host = await PrivateHost.start();
    const daemon = await host.spawn(['sh', '-c', 'setsid sleep 1000 & echo up; wait']);
    await daemon.waitFor(/up/);
    assert.match(await host.sh('cat /proc/[0-9]*/cmdline'), /sleep\0?1000/);
    await host[Symbol.asyncDispose]();
    await daemon.ended;
    assert.throws(() => process.kill(daemon.pid, 0), { code: 'ESRCH' });
    assert.throws(() => process.kill(host.pid, 0), { code: 'ESRCH' });
  });
});
