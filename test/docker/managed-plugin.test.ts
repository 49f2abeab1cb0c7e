import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Engine } from '../support/engine.ts';
import { PrivateHost } from '../support/host.ts';
import { INTERNET } from '../support/lan.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';
import { run } from '../support/run.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/package-plugin', import.meta.url));
const OURS = ['links', 'namespaces', 'nftables', 'routes', 'rules', 'sockets', 'mounts', 'iptables-legacy', 'ip6tables-legacy'];

describe('a managed plugin', function () {
  let folder: string;
  let host: PrivateHost;
  let engine: Engine;
  let clean: MachineState;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plugin-'));
    await run([SCRIPT, 'tsbridge', join(folder, 'plugin')]);
    host = await PrivateHost.start();
    // as systemd has it
    await host.sh('mount --bind /run /run && mount --make-rshared /run');
    engine = await Engine.start(host);
    clean = await host.snapshot();
  });

  after(async () => {
    // its cgroup is not below that of the host: the engine removes it with the plugin
    await engine.docker(['plugin', 'disable', '--force', 'tsbridge'], { allowFail: true });
    await host[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('is created, enabled and gives networks with their addresses', async () => {
    assert.equal(await engine.ask('plugin', 'create', 'tsbridge', join(folder, 'plugin')), 'tsbridge');
    await engine.ask('plugin', 'enable', 'tsbridge');
    await engine.ask('network', 'create', '-d', 'tsbridge:latest', '--ipam-driver', 'tsbridge:latest', 'blue');
    assert.match(await engine.ask('network', 'inspect', '-f', '{{.Driver}} {{.IPAM.Driver}} {{(index .IPAM.Config 0).Subnet}}', 'blue'), /^tsbridge:latest tsbridge:latest 172\.\d+\.0\.0\/16$/);
    await engine.ask('run', '-d', '--network', 'blue', '--name', 'web', '-p', '8080:80', 'bb', 'httpd', '-f', '-h', '/www');
    await engine.ask('run', '-d', '--network', 'blue', '--name', 'client', 'bb', 'sleep', '1000');
    assert.equal(await engine.ask('exec', 'client', 'wget', '-q', '-O', '-', 'http://web/'), 'hello');
    await using internet = await host.outside.serve(0, 'tcp', 'internet');
    assert.match((await (await engine.container('client')).probe(INTERNET.address4, internet.port)).answer, /^internet from 198\.51\.100\.10 /);
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    assert.equal(await host.canReach('127.0.0.1', 8080), true);
    assert.equal(await host.canReach('::1', 8080), true);
  });

  it('is talked to by netctl', async () => {
    const netctl = new Netctl(host, ['--no-autostart']);
    assert.match(await netctl.ok('port', 'web'), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
    assert.match(await netctl.ok('network', 'ls'), /blue/);
    assert.match(await netctl.ok('doctor'), /^(?:(?:ok|note) .*\n?)+$/);
  });

  it('has everything again when it is killed, and puts back what others remove', async () => {
    const { daemon } = await new Netctl(host).json<{ daemon: { pid: number } }>('version');
    const id = await engine.ask('network', 'inspect', '-f', '{{.Id}}', 'blue');
    await host.sh(`kill -9 ${String(daemon.pid)}; nft list tables | grep netctl_ | sed 's/^/delete /' | nft -f -; ip link delete br-${id.slice(0, 12)}`);
    assert.equal(await host.outside.canReach(host.address4, 8080), false);
    const deadline = Date.now() + 15_000;
    while (!(await host.outside.canReach(host.address4, 8080))) assert.ok(Date.now() < deadline, engine.log.slice(-3000));
    assert.equal(await engine.ask('exec', 'client', 'wget', '-q', '-O', '-', 'http://web/'), 'hello');
  });

  it('keeps its networks over a restart of the engine', async () => {
    await engine.restart();
    await engine.ask('start', 'web', 'client');
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    assert.equal(await engine.ask('exec', 'client', 'wget', '-q', '-O', '-', 'http://web/'), 'hello');
  });

  it('leaves nothing when it is removed', async () => {
    await engine.ask('rm', '-f', 'web', 'client');
    await engine.ask('network', 'rm', 'blue');
    await engine.ask('plugin', 'disable', 'tsbridge');
    await engine.ask('plugin', 'rm', 'tsbridge');
    assert.deepEqual(difference(clean, await host.snapshot(), OURS), []);
  });
});

describe('scripts/package-plugin', () => {
  it('refuses what it does not know and what is there already', async () => {
    for (const [words, code, says] of [
      [[], 2, /^error: a driver is wanted.*package-plugin DRIVER/s],
      [['bridge'], 2, /^error: no driver 'bridge'; there is: tsbridge tsoverlay\n/],
      [['tsbridge', tmpdir()], 1, /^error: '.*' exists: remove it, or choose another folder\n$/],
    ] as const) {
      const result = await run([SCRIPT, ...words], { allowFail: true });
      assert.equal(result.code, code);
      assert.match(result.stderr, says);
    }
  });
});
