import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDoors } from '../support/docker-doors.ts';
import { FakeEngine, TestTimer } from '../support/fake-engine.ts';

const RED = 'aa'.repeat(32);
const BLUE = 'bb'.repeat(32);
const ENDPOINT = 'e1'.repeat(32);
const OTHER = 'e2'.repeat(32);
const KEY = '/var/run/docker/netns/0123456789ab';
const MINUTE = 60_000;

describe('the comparison with the engine', () => {
  let folder: string;
  let engine: FakeEngine;
  let timer: TestTimer;
  let doors: TestDoors;
  let log: string[];
  let errors: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engine-'));
    engine = await FakeEngine.listen(join(folder, 'engine.sock'));
    timer = new TestTimer();
    log = [];
    errors = [];
    doors = await open();
  });

  afterEach(async () => {
    await doors[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const open = (before?: TestDoors): Promise<TestDoors> =>
    TestDoors.open({ engineSocket: join(folder, 'engine.sock'), timer, log: (line) => log.push(line), report: ({ message }) => errors.push(message) }, before);

  async function make(id: string, subnet: string): Promise<void> {
    const gateway = subnet.replace('0/24', '1/24');
    assert.deepEqual(await doors.call('NetworkDriver.CreateNetwork', { NetworkID: id, Options: {}, IPv4Data: [{ Pool: subnet, Gateway: gateway }], IPv6Data: [] }), {});
  }

  async function attach(id: string, networkId: string, address: string, key?: string): Promise<void> {
    await doors.call('NetworkDriver.CreateEndpoint', { NetworkID: networkId, EndpointID: id, Interface: { Address: address, AddressIPv6: '', MacAddress: '' }, Options: {} });
    if (key !== undefined) await doors.call('NetworkDriver.Join', { NetworkID: networkId, EndpointID: id, SandboxKey: key, Options: {} });
  }

  /** Dies and starts again; nothing is new to the engine any more. */
  async function startAgain(): Promise<void> {
    await doors[Symbol.asyncDispose]();
    doors = await open(doors);
  }

  /** Waits until nothing is under way. */
  const quiet = async (): Promise<void> => {
    await doors.doors.sync().catch(() => {});
    await new Promise(setImmediate);
  };
  const there = (): string[] => doors.controller.engine.endpoints(RED).map(({ id }) => id.slice(0, 2));
  const names = (): string[] => doors.controller.networks().map(({ name }) => name);

  it('learns the names of networks, and which engine has them', async () => {
    await make(RED, '10.1.0.0/24');
    engine.networks = [{ Id: RED, Name: 'red' }];
    await doors.doors.sync();
    assert.deepEqual(names(), ['red']);
    assert.equal(doors.controller.network('red').engine, 'ENGINE-A');
    await startAgain();
    assert.deepEqual(names(), ['red']);
  });

  it('keeps its own name for one whose name is taken here, or is allowed in no other place than an engine', async () => {
    await doors.controller.createNetwork({ name: 'taken', subnets: ['10.9.0.0/24'] });
    await make(RED, '10.1.0.0/24');
    await make(BLUE, '10.2.0.0/24');
    engine.networks = [
      { Id: RED, Name: 'taken' },
      { Id: BLUE, Name: 'dev@#$ "\n; flush ruleset' },
    ];
    await doors.doors.sync();
    assert.deepEqual(names(), ['taken', 'docker-aaaaaaaaaaaa', 'docker-bbbbbbbbbbbb']);
  });

  it('removes a network that was removed while we were down', async () => {
    await make(RED, '10.1.0.0/24');
    await make(BLUE, '10.2.0.0/24');
    await attach(ENDPOINT, RED, '10.1.0.2/24');
    engine.networks = [
      { Id: RED, Name: 'red' },
      { Id: BLUE, Name: 'blue' },
    ];
    await doors.doors.sync();
    engine.networks = [{ Id: BLUE, Name: 'blue' }];
    await startAgain();
    assert.deepEqual(await doors.doors.sync(), ["network 'red' removed: the engine has forgotten it"]);
    assert.deepEqual(names(), ['blue']);
    assert.deepEqual(log, ["network 'red' removed: the engine has forgotten it"]);
    assert.equal(doors.controller.engine.endpoint(ENDPOINT), undefined);
    await make(RED.replaceAll('a', 'c'), '10.1.0.0/24');
  });

  it('does not take a network for forgotten that the engine is just making', async () => {
    await make(RED, '10.1.0.0/24');
    engine.networks = [{ Id: RED, Name: 'red' }];
    await doors.doors.sync();
    engine.networks = [];
    timer.pass(MINUTE - 1);
    await doors.doors.sync();
    assert.deepEqual(names(), ['red']);
    timer.pass(1);
    await doors.doors.sync();
    assert.deepEqual(names(), []);
  });

  it('leaves networks of another engine, and those that no engine has listed yet', async () => {
    await make(RED, '10.1.0.0/24');
    await make(BLUE, '10.2.0.0/24');
    engine.networks = [{ Id: RED, Name: 'red' }];
    await doors.doors.sync();
    engine.id = 'ENGINE-B';
    engine.networks = [];
    await startAgain();
    assert.deepEqual(await doors.doors.sync(), []);
    assert.deepEqual(names(), ['red', 'docker-bbbbbbbbbbbb']);
  });

  it('leaves networks of netctl alone', async () => {
    await doors.controller.createNetwork({ name: 'ours', subnets: ['10.9.0.0/24'] });
    engine.networks = [];
    await startAgain();
    assert.deepEqual(await doors.doors.sync(), []);
    assert.deepEqual(names(), ['ours']);
  });

  describe('removes nothing when the engine', () => {
    beforeEach(async () => {
      await make(RED, '10.1.0.0/24');
      await make(BLUE, '10.2.0.0/24');
      engine.networks = [
        { Id: RED, Name: 'red' },
        { Id: BLUE, Name: 'blue' },
      ];
      await doors.doors.sync();
      engine.networks = [{ Id: BLUE, Name: 'blue' }];
      await startAgain();
    });

    const troubles: [string, string, (response: ServerResponse) => void][] = [
      ['answers with an error', '/networks', (response) => response.writeHead(500).end('{"message":"no"}')],
      ['answers with no JSON', '/networks', (response) => response.end('<html>')],
      ['answers with something else', '/networks', (response) => response.end('[{"Id":7}]')],
      ['lists nothing at all, not even none', '/networks', (response) => response.end('[]')],
      ['breaks off', '/networks', (response) => void response.writeHead(200, { 'content-length': 100 }).write('[', () => response.destroy())],
      ['does not say who it is', '/info', (response) => response.end('{}')],
      ['loses a network while it is asked', `/networks/${BLUE}`, (response) => response.writeHead(404).end('{}')],
    ];
    for (const [what, path, answer] of troubles) {
      it(what, async () => {
        engine.odd.set(path, answer);
        await assert.rejects(doors.doors.sync(), { name: 'NetworkError' });
        assert.deepEqual(names(), ['red', 'blue']);
        engine.odd.clear();
        await doors.doors.sync();
        assert.deepEqual(names(), ['blue']);
      });
    }

    it('is not there', async () => {
      await engine[Symbol.asyncDispose]();
      await assert.rejects(doors.doors.sync(), { code: 'UNAVAILABLE', message: /engine\.sock cannot be asked: connect / });
      assert.deepEqual(names(), ['red', 'blue']);
      engine = await FakeEngine.listen(join(folder, 'engine.sock'));
    });
  });

  describe('of endpoints', () => {
    beforeEach(async () => {
      await make(RED, '10.1.0.0/24');
      await attach(ENDPOINT, RED, '10.1.0.2/24', KEY);
      await attach(OTHER, RED, '10.1.0.3/24');
      engine.networks = [{ Id: RED, Name: 'red', Containers: { c1: { EndpointID: OTHER, IPv4Address: '10.1.0.3/24' } } }];
    });

    it('keeps a forgotten one as long as a container may live on it', async () => {
      doors.kernel.model.addNamespace(KEY);
      await startAgain();
      assert.deepEqual(await doors.doors.sync(), []);
      assert.deepEqual(there(), ['e1', 'e2']);
    });

    it('drops a forgotten one that is dead, and one that never joined', async () => {
      engine.networks = [{ Id: RED, Name: 'red' }];
      timer.pass(MINUTE);
      await doors.kernel.apply([{ op: 'link-delete', namespace: 'host', name: 'nse1e1e1e1e1e1' }]);
      assert.deepEqual((await doors.doors.sync()).toSorted(), [
        'endpoint e1e1e1e1e1e1 removed: the engine has forgotten it',
        'endpoint e2e2e2e2e2e2 removed: the engine has forgotten it',
      ]);
      assert.deepEqual(there(), []);
    });

    it('drops a forgotten one whose link was put back where the engine had found it', async () => {
      timer.pass(MINUTE);
      assert.deepEqual(await doors.doors.sync(), ['endpoint e1e1e1e1e1e1 removed: the engine has forgotten it']);
      assert.deepEqual(there(), ['e2']);
    });

    it('drops none that the engine is just making', async () => {
      engine.networks = [{ Id: RED, Name: 'red' }];
      await doors.kernel.apply([{ op: 'link-delete', namespace: 'host', name: 'nse1e1e1e1e1e1' }]);
      timer.pass(MINUTE - 1);
      assert.deepEqual(await doors.doors.sync(), []);
      assert.deepEqual(there(), ['e1', 'e2']);
    });
  });

  describe('of pools and addresses', () => {
    const green = { Id: RED, Name: 'green', Driver: 'bridge', IPAM: { Driver: 'tsipam', Config: [{ Subnet: '10.3.0.0/24', AuxiliaryAddresses: { router: '10.3.0.9' } }] } };

    beforeEach(async () => {
      await doors.call('IpamDriver.RequestPool', { Pool: '10.3.0.0/24', V6: false });
      await doors.call('IpamDriver.RequestAddress', { PoolID: 'tsipam/10.3.0.0/24', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } });
      for (const Address of ['10.3.0.2', '10.3.0.3', '10.3.0.9']) await doors.call('IpamDriver.RequestAddress', { PoolID: 'tsipam/10.3.0.0/24', Address });
      engine.networks = [{ ...green, Containers: { c1: { EndpointID: ENDPOINT, IPv4Address: '10.3.0.2/24', IPv6Address: '' } } }];
    });

    it('frees addresses that no endpoint has, but neither gateway nor auxiliary ones', async () => {
      timer.pass(MINUTE - 1);
      assert.deepEqual(await doors.doors.sync(), []);
      timer.pass(1);
      assert.deepEqual(await doors.doors.sync(), ['address 10.3.0.3 freed: no endpoint of the engine has it']);
      assert.deepEqual(Object.keys(doors.controller.engine.pools()[0]?.addresses ?? {}), ['10.3.0.1', '10.3.0.2', '10.3.0.9']);
    });

    it('waits for sandboxes of netctl that the engine does not know, and says so once', async () => {
      await doors.call('NetworkDriver.CreateNetwork', { NetworkID: RED, Options: {}, IPv4Data: [{ Pool: '10.3.0.0/24', Gateway: '10.3.0.1/24' }], IPv6Data: [] });
      await doors.doors.sync();
      doors.kernel.model.addNamespace('/proc/42/ns/net');
      await doors.controller.adoptSandbox({ name: 'lab', namespace: '/proc/42/ns/net', networks: [{ network: 'green' }] });
      engine.networks = [];
      assert.match(String((await doors.call('IpamDriver.ReleasePool', { PoolID: 'tsipam/10.3.0.0/24' }))['Error']), /^pool 10\.3\.0\.0\/24 has addresses of sandbox 'lab': disconnect it first$/);
      assert.match(String((await doors.call('NetworkDriver.DeleteNetwork', { NetworkID: RED }))['Err']), /^network 'green' has active endpoints \(lab\)/);
      for (let round = 0; round < 3; round += 1) {
        timer.pass(MINUTE);
        await quiet();
      }
      assert.deepEqual(names(), ['green']);
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? '', /^network 'green' has active endpoints/);
      await doors.controller.removeSandbox('lab');
      await doors.doors.sync();
      assert.deepEqual(doors.left(), []);
    });

    it('frees a pool whose network was removed while we were down', async () => {
      await doors.doors.sync();
      engine.networks = [];
      await startAgain();
      assert.deepEqual(await doors.doors.sync(), ['pool tsipam/10.3.0.0/24 freed: no network of the engine uses it']);
      assert.deepEqual(await doors.call('IpamDriver.RequestPool', { Pool: '10.3.0.0/24' }), { PoolID: 'tsipam/10.3.0.0/24', Pool: '10.3.0.0/24', Data: {} });
    });
  });

  it('comes at start, every 30 seconds, soon after the engine has made something until it lists it, and never within one of its calls', async () => {
    assert.deepEqual(timer.waiting(), [0]);
    timer.pass(0);
    await quiet();
    assert.deepEqual(timer.waiting(), [30_000]);
    engine.asked.length = 0;
    await make(RED, '10.1.0.0/24');
    assert.equal(engine.asked.length, 0);
    for (const wait of [250, 250, 500]) {
      assert.deepEqual(timer.waiting(), [wait]);
      timer.pass(wait);
      await quiet();
    }
    assert.ok(engine.asked.includes('/networks'));
    engine.networks = [{ Id: RED, Name: 'red' }];
    timer.pass(1000);
    await quiet();
    assert.deepEqual(timer.waiting(), [30_000]);
    assert.deepEqual(names(), ['red']);
  });

  it('comes back to an engine that does not answer after longer and longer times up to 30 seconds, and at once to one that starts', async () => {
    timer.pass(0);
    await quiet();
    await engine[Symbol.asyncDispose]();
    timer.pass(30_000);
    await quiet();
    for (const wait of [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      assert.deepEqual(timer.waiting(), [wait]);
      timer.pass(wait);
      await quiet();
    }
    engine = await FakeEngine.listen(join(folder, 'engine.sock'));
    await doors.call('Plugin.Activate', undefined, 'tsbridge');
    assert.deepEqual(timer.waiting(), [250]);
    timer.pass(250);
    await quiet();
    assert.deepEqual(timer.waiting(), [30_000]);
  });
});
