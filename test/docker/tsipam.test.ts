import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { eventually } from '../support/eventually.ts';
import { pings } from './cases/case.ts';

describe('addresses by tsipam', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  beforeEach(() => lab.settle());

  afterEach(() => lab.clear());

  const create = (name: string, ...words: string[]): Promise<string> => lab.docker('network', 'create', '-d', 'tsbridge', '--ipam-driver', 'tsipam', ...words, name);
  const subnetOf = (name: string): Promise<string> => lab.docker('network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{end}}', name);
  const addressOf = (name: string): Promise<string> => lab.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);
  const clean = async (): Promise<void> => {
    await lab.clear();
    assert.deepEqual(await lab.left(), []);
  };

  it('gives each network a free subnet, clear of what the host and the engine have', async () => {
    await lab.docker('network', 'create', 'own');
    await create('blue');
    await create('red', '--ipv6');
    await lab.docker('network', 'create', '-d', 'bridge', '--ipam-driver', 'tsipam', 'builtin');
    assert.equal(await subnetOf('own'), '172.18.0.0/16 172.18.0.1');
    assert.equal(await subnetOf('blue'), '172.19.0.0/16 172.19.0.1');
    assert.match(await subnetOf('red'), /^172\.20\.0\.0\/16 172\.20\.0\.1 fd[0-9a-f:]+::\/64 fd[0-9a-f:]+::1(\/64)?$/);
    assert.equal(await subnetOf('builtin'), '172.21.0.0/16 172.21.0.1');
    for (const name of ['blue', 'builtin']) await lab.run(`at-${name}`, name);
    assert.deepEqual([await addressOf('at-blue'), await addressOf('at-builtin')], ['172.19.0.2', '172.21.0.2']);
  });

  it('gives static addresses and those of a range, and refuses with words that say what to do', async () => {
    await create('blue', '--subnet', '10.60.0.0/16', '--ip-range', '10.60.5.0/24', '--gateway', '10.60.0.1', '--aux-address', 'router=10.60.5.0');
    await lab.run('given', 'blue', '--ip', '10.60.9.9');
    await lab.run('free', 'blue');
    assert.deepEqual([await addressOf('given'), await addressOf('free')], ['10.60.9.9', '10.60.5.1']);
    assert.equal(await pings(lab, 'free', 'given'), true);
    assert.match(await lab.refusal('run', '--rm', '--network', 'blue', '--ip', '10.60.9.9', 'bb', 'true'), /10\.60\.9\.9 is taken by/);
    assert.match(await lab.refusal('network', 'create', '-d', 'tsbridge', '--ipam-driver', 'tsipam', '--subnet', '10.60.8.0/24', 'red'), /^remote: subnet 10\.60\.8\.0\/24 overlaps 10\.60\.0\.0\/16 of the engine's IPAM; choose another/);
    assert.match(await lab.refusal('network', 'create', '-d', 'tsbridge', '--ipam-driver', 'tsipam', '--ipam-opt', 'size=24', 'red'), /^remote: unknown IPAM option 'size'/);
    await clean();
  });

  it('gives address and subnet again when they are free', async () => {
    for (const round of [1, 2, 3]) {
      await create('blue', '--subnet', '10.61.0.0/24');
      await lab.run('web', 'blue', '--ip', '10.61.0.7');
      await lab.docker('restart', '-t', '0', 'web');
      assert.equal(await addressOf('web'), '10.61.0.7', `round ${round}`);
      await clean();
    }
  });

  it('keeps addresses when the daemon is killed, and frees those of containers that the engine has lost', async function () {
    await create('blue', '--subnet', '10.62.0.0/24');
    await lab.docker('run', '-d', '--restart', 'always', '--name', 'web', '--network', 'blue', '--ip', '10.62.0.7', 'bb', 'sleep', '100000');
    await lab.run('other', 'blue');
    await lab.daemon.kill('SIGKILL');
    lab.daemon = await lab.netctl.daemon();
    assert.match(await lab.refusal('run', '--rm', '--network', 'blue', '--ip', '10.62.0.2', 'bb', 'true'), /10\.62\.0\.2 is taken by/);
    await lab.engine.kill9();
    await lab.engine.start();
    await eventually(() => lab.docker('ps', '-q'), (ids) => ids !== '');
    assert.equal(await addressOf('web'), '10.62.0.7');
    await lab.run('again', 'blue', '--ip', '10.62.0.2');
    assert.equal(await pings(lab, 'again', 'web'), true);
    await clean();
  });

  it('lets sandboxes of netctl into a network of the engine', async () => {
    await create('blue', '--subnet', '10.63.0.0/24');
    await lab.run('web', 'blue');
    await eventually(() => lab.netctl.run(['network', 'inspect', 'blue']), ({ code }) => code === 0);
    await lab.netctl.ok('sandbox', 'create', '--network', 'blue', 'lab');
    assert.equal(await pings(lab, 'web', '10.63.0.3'), true);
    assert.match((await lab.netctl.run(['network', 'rm', 'blue'])).stderr, /belongs to the engine: use 'docker network rm'/);
    await lab.netctl.ok('sandbox', 'rm', 'lab');
    await lab.docker('network', 'create', '-d', 'tsbridge', 'plain');
    await eventually(() => lab.netctl.run(['network', 'inspect', 'plain']), ({ code }) => code === 0);
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'plain', 'lab'])).stderr, /belongs to the engine, which gives its addresses: create it with --ipam-driver tsipam/);
  });
});
