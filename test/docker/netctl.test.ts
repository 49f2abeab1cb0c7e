import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { eventually } from '../support/eventually.ts';
import type { RunResult } from '../support/run.ts';

describe('netctl beside a Docker engine', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
    await lab.docker('network', 'create', '-d', 'tsbridge', '--ipam-driver', 'tsipam', '--subnet', '10.20.0.0/24', 'blue');
    await lab.run('web', 'blue', '-p', '8080:80');
  });

  after(() => lab[Symbol.asyncDispose]());

  it('ps lists containers by their names, with addresses and ports, among the sandboxes', async () => {
    await lab.netctl.ok('sandbox', 'create', 'mine');
    const id = (await lab.inspect<string>('web', '{{json .Id}}')).slice(0, 12);
    const [heading = '', ...rows] = (await lab.netctl.ok('ps')).split('\n');
    assert.match(heading, /^ID +NAME +KIND +NETWORKS +ADDRESSES +PORTS$/);
    assert.match(rows[0] ?? '', /^[0-9a-f]{12} +mine +named +- +- +-$/);
    assert.match(rows[1] ?? '', new RegExp(`^${id} +web +container +blue +10\\.20\\.0\\.2 +0\\.0\\.0\\.0:8080->80/tcp, \\[::\\]:8080->80/tcp$`));
    const [, row] = await lab.netctl.json<{ name: string; addresses: string[] }[]>('ps');
    assert.deepEqual([row?.name, row?.addresses], ['web', ['10.20.0.2']]);
    await lab.netctl.ok('sandbox', 'rm', 'mine');
  });

  it('port takes a container by name, id and shortened id', async () => {
    const id = await lab.inspect<string>('web', '{{json .Id}}');
    for (const name of ['web', id, id.slice(0, 12)]) assert.equal(await lab.netctl.ok('port', name), '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080');
    assert.equal(await lab.netctl.ok('port', 'web', '80/tcp'), '0.0.0.0:8080\n[::]:8080');
  });

  it("leaves the engine's networks to the engine", async () => {
    const [network] = await lab.netctl.json<{ id: string; owner: string }[]>('network', 'ls');
    assert.equal(network?.owner, 'engine');
    const { code, stderr } = await lab.netctl.run(['network', 'rm', network.id]);
    assert.equal(code, 1);
    assert.match(stderr, /belongs to the engine: use 'docker network rm'/);
    assert.equal(await lab.netctl.ok('network', 'prune'), '');
  });

  it("connects a sandbox to an engine's network whose addresses tsipam gives", async () => {
    const [network] = await lab.netctl.json<{ id: string }[]>('network', 'ls');
    await lab.netctl.ok('sandbox', 'create', '--network', network?.id.slice(0, 12) ?? '', 'guest');
    assert.match(await lab.netctl.ok('exec', 'guest', '--', 'ping', '-c', '1', '-W', '1', '10.20.0.2'), / 0% packet loss/);
    await lab.netctl.ok('sandbox', 'rm', 'guest');
  });

  it('lets sandboxes find containers by name, and containers sandboxes by a gateway that serves names', async () => {
    await lab.docker('network', 'create', '-d', 'tsbridge', '--ipam-driver', 'tsipam', '--subnet', '10.22.0.0/24', '-o', 'tsbridge.dns=gateway', 'green');
    await eventually(() => lab.netctl.run(['network', 'inspect', 'green']), ({ code }) => code === 0);
    await lab.run('shop', 'green', '--network-alias', 'store', '--hostname', 'front', '--dns', '10.22.0.1', '--expose', '8088');
    await lab.netctl.ok('sandbox', 'create', '--network', 'green', '--link', 'shop:till', 'guest');
    const id = (await lab.inspect<string>('shop', '{{json .Id}}')).slice(0, 12);
    const asks = (name: string): Promise<RunResult> => lab.netctl.run(['exec', 'guest', '--', 'getent', 'hosts', name]);
    await eventually(() => asks('shop'), ({ code }) => code === 0);
    for (const name of ['shop', 'store', 'front', 'till', id, 'shop.green']) assert.match((await asks(name)).stdout, /^10\.22\.0\.2 /, name);
    assert.match(await lab.netctl.ok('exec', 'guest', '--', 'env'), /^TILL_PORT_8088_TCP=tcp:\/\/10\.22\.0\.2:8088$/m);
    assert.match(await lab.docker('exec', 'shop', 'nslookup', 'guest'), /10\.22\.0\.3/);
    await lab.docker('rename', 'shop', 'market');
    await lab.docker('restart', '-t', '0', 'market');
    await eventually(() => asks('market'), ({ code }) => code === 0);
    await lab.docker('rm', '-f', 'market');
    assert.notEqual((await asks('market')).code, 0);
    await lab.netctl.ok('sandbox', 'rm', 'guest');
    await lab.docker('network', 'rm', 'green');
  });

  it("adopts a container's namespace into a network of its own", async () => {
    await lab.netctl.ok('network', 'create', '--subnet', '10.21.0.0/24', 'green');
    await lab.netctl.ok('sandbox', 'create', '--network', 'green', 'peer');
    await lab.netctl.ok('sandbox', 'adopt', '--pid', await lab.docker('inspect', '-f', '{{.State.Pid}}', 'web'), '--network', 'green', 'web-too');
    assert.match(await lab.netctl.ok('exec', 'web-too', '--', 'ping', '-c', '1', '-W', '1', '10.21.0.2'), / 0% packet loss/);
    await lab.netctl.ok('sandbox', 'rm', 'web-too', 'peer');
    await lab.netctl.ok('network', 'rm', 'green');
    const web = await lab.engine.container('web');
    assert.deepEqual(await lab.addresses(web), ['eth0 10.20.0.2/24']);
  });
});
