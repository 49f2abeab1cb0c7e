import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { TestDoors } from '../support/docker-doors.ts';
import { FakeEngine, TestTimer } from '../support/fake-engine.ts';

const RED = 'aa'.repeat(32);
const ENDPOINT = 'e1'.repeat(32);
const OTHER = 'e2'.repeat(32);
const CONTAINER = 'c0'.repeat(32);
const KEY = '/var/run/docker/netns/0123456789ab';
const LAB = '/proc/42/ns/net';

describe('names of an engine’s containers', () => {
  let folder: string;
  let engine: FakeEngine;
  let timer: TestTimer;
  let doors: TestDoors;

  const open = (before?: TestDoors): Promise<TestDoors> => TestDoors.open({ engineSocket: join(folder, 'engine.sock'), timer }, before);
  /** What the engine says of it from now on. */
  const call = (name: string): void => {
    engine.networks = [{ Id: RED, Name: 'green', IPAM: { Driver: 'tsipam', Config: [{ Subnet: '10.3.0.0/24' }] }, Containers: { [CONTAINER]: { Name: name, EndpointID: ENDPOINT, IPv4Address: '10.3.0.2/24' } } }];
    engine.containers.set(CONTAINER, {
      Name: `/${name}`,
      Config: { Hostname: 'front', ExposedPorts: { '80/tcp': {}, '0/tcp': {}, '70000/tcp': {}, x: {} } },
      NetworkSettings: { Networks: { green: { EndpointID: ENDPOINT, Aliases: ['shop', 'a b\n', 'c0c0c0c0c0c0'] }, other: { EndpointID: OTHER, Aliases: ['elsewhere'] } } },
    });
  };
  const attach = async (id: string, address: string, key: string): Promise<void> => {
    await doors.call('NetworkDriver.CreateEndpoint', { NetworkID: RED, EndpointID: id, Interface: { Address: address, AddressIPv6: '', MacAddress: '' }, Options: {} });
    await doors.call('NetworkDriver.Join', { NetworkID: RED, EndpointID: id, SandboxKey: key, Options: {} });
  };
  const search = (): Promise<unknown> => doors.controller.adoptSandbox({ name: 'lab', namespace: LAB, networks: [{ network: 'green' }] });
  const soon = async (): Promise<void> => {
    timer.pass(250);
    await doors.doors.sync();
  };
  const names = (): string[] => doors.controller.names('green').flatMap(({ name, from, owner }) => (from === 'host' || owner === 'lab' ? [] : [`${name} ${from}`]));
  const asked = (): number => engine.asked.filter((path) => path.startsWith('/containers/')).length;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engine-'));
    engine = await FakeEngine.listen(join(folder, 'engine.sock'));
    timer = new TestTimer();
    doors = await open();
    await doors.call('IpamDriver.RequestPool', { Pool: '10.3.0.0/24', V6: false });
    await doors.call('IpamDriver.RequestAddress', { PoolID: 'tsipam/10.3.0.0/24', Address: '10.3.0.2', Options: {} });
    await doors.call('NetworkDriver.CreateNetwork', { NetworkID: RED, Options: {}, IPv4Data: [{ Pool: '10.3.0.0/24', Gateway: '10.3.0.1/24' }], IPv6Data: [] });
    doors.kernel.model.addNamespace(LAB);
    call('web');
    await attach(ENDPOINT, '10.3.0.2/24', KEY);
    await soon();
  });

  afterEach(async () => {
    await doors[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('asks for none as long as nobody can look for it', async () => {
    assert.equal(asked(), 0);
    assert.deepEqual(names(), ['e1e1e1e1e1e1 container']);
  });

  it('learns names and ports soon after a sandbox has come, and once', async () => {
    await search();
    assert.equal(asked(), 0);
    assert.equal(timer.waiting()[0], 250);
    await soon();
    assert.deepEqual(names(), ['web container', 'front hostname', 'c0c0c0c0c0c0 id', 'shop alias']);
    assert.deepEqual(doors.controller.engine.endpoint(ENDPOINT)?.container?.exposed, ['80/tcp']);
    await doors.doors.sync();
    assert.equal(asked(), 1);
  });

  it('remembers them, and learns a new name', async () => {
    await search();
    await doors.doors.sync();
    await doors[Symbol.asyncDispose]();
    doors = await open(doors);
    assert.equal(names()[0], 'web container');
    call('www');
    await doors.doors.sync();
    assert.equal(names()[0], 'www container');
  });

  describe('that it tells of', () => {
    const connected = (): Promise<void> => engine.tell({ Type: 'network', Action: 'connect', Actor: { ID: RED, Attributes: { container: CONTAINER, name: 'green', type: 'tsbridge' } }, scope: 'local', time: 1 });
    const first = (): Promise<string | undefined> => eventually(async () => names()[0], (name) => name !== 'e1e1e1e1e1e1 container');

    it('are known at once, without a comparison', async () => {
      await search();
      await connected();
      assert.equal(await first(), 'web container');
      assert.ok(timer.waiting().length > 0, 'the comparison is still to come');
      call('www');
      await engine.tell({ Type: 'container', Action: 'rename', Actor: { ID: CONTAINER, Attributes: { name: 'www', oldName: '/web' } } });
      assert.equal(await eventually(async () => names()[0], (name) => name === 'www container'), 'www container');
    });

    it('are not asked for as long as nobody can look for them', async () => {
      await connected();
      await engine.tell({ Type: 'container', Action: 'rename', Actor: { ID: CONTAINER } });
      await doors.doors.sync();
      assert.equal(asked(), 0);
    });

    it('are known after words that mean nothing, and by a stream that begins anew', async () => {
      await search();
      await engine.tell({ Type: 'network', Action: 'connect', Actor: { ID: RED } });
      await engine.tell({ message: 'not found' });
      engine.hush();
      await soon();
      timer.pass(30_000);
      call('www');
      await connected();
      assert.equal(await eventually(async () => names()[0], (name) => name === 'www container'), 'www container');
    });
  });

  it('lives with a container that went meanwhile', async () => {
    await search();
    engine.containers.clear();
    assert.deepEqual(await doors.doors.sync(), []);
    assert.deepEqual(names(), ['e1e1e1e1e1e1 container']);
    call('web');
    await doors.doors.sync();
    assert.equal(names()[0], 'web container');
  });

  it('knows the name at once where the engine says it with the address', async () => {
    await doors.call('IpamDriver.RequestAddress', { PoolID: 'tsipam/10.3.0.0/24', Address: '10.3.0.3', Options: { 'com.docker.network.endpoint.name': 'db' } });
    await attach(OTHER, '10.3.0.3/24', KEY.replace('0', '1'));
    assert.ok(names().includes('db container'));
  });
});
