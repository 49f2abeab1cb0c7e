import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Engine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { MultiHostLab, type LabHost } from '../support/multi-host.ts';
import { run } from '../support/run.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/package-plugin', import.meta.url));

describe('a managed plugin for networks over hosts', function () {
  let folder: string;
  let lab: MultiHostLab;
  let one: LabHost;
  let host: PrivateHost;
  let engine: Engine;

  before(async function () {
    lab = await MultiHostLab.start(this, 1);
    one = lab.host(1);
    folder = await mkdtemp(join(tmpdir(), 'plugin-'));
    await run([SCRIPT, 'tsoverlay', join(folder, 'plugin')]);
    host = await PrivateHost.start({ name: 'h2', lans: [lab.lan] });
    // as systemd has it
    await host.sh('mount --bind /run /run && mount --make-rshared /run');
    engine = await Engine.start(host);
  });

  after(async () => {
    await engine?.docker(['plugin', 'disable', '--force', 'tsoverlay'], { allowFail: true });
    await host?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  it('finds the cluster that it is told of, and joins a network', async () => {
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', 'blue');
    await one.netctl.ok('sandbox', 'create', '--network', 'blue', 'a');
    const [a] = await one.netctl.json<{ endpoints: { ipv4: string }[] }[]>('sandbox', 'inspect', 'a');
    await engine.ask('plugin', 'create', 'tsoverlay', join(folder, 'plugin'));
    await engine.ask('plugin', 'set', 'tsoverlay', `NETCTL_DAEMON_OPTIONS=--cluster etcd://${host.addresses[0]?.gateway4 ?? ''}:2379`);
    await engine.ask('plugin', 'enable', 'tsoverlay');
    await engine.ask('network', 'create', '-d', 'tsoverlay:latest', '-o', 'tsoverlay.network=blue', '--ipam-driver', 'tsoverlay:latest', '--ipam-opt', 'network=blue', '--subnet', '10.1.0.0/24', 'blue');
    await engine.ask('run', '-d', '--network', 'blue', '--name', 'client', 'bb', 'sleep', '1000');
    const pings = async (): Promise<boolean> => (await engine.docker(['exec', 'client', 'ping', '-c1', '-W1', a?.endpoints[0]?.ipv4.split('/')[0] ?? ''], { allowFail: true })).code === 0;
    assert.equal(await eventually(pings, Boolean), true);
    assert.match(await one.netctl.ok('cluster', 'ls'), /h2 .* there +1/);
    // The name that the engine has given it is known elsewhere too.
    assert.equal((await eventually(() => one.netctl.run(['exec', 'a', 'ping', '-c1', '-W1', 'client']), ({ code }) => code === 0)).code, 0);
    await engine.ask('rm', '-f', 'client');
    await engine.ask('network', 'rm', 'blue');
    assert.match(await one.netctl.ok('network', 'ls'), /blue/);
  });
});
