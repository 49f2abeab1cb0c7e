import assert from 'node:assert/strict';
import { parsePeers } from '../../src/cluster/static/parse-peers.ts';
import { peerRecord } from '../../src/cluster/static/peers-entries.ts';
import { StaticStore } from '../../src/cluster/static/static-store.ts';
import { Controller } from '../../src/controller/controller.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingKernel } from '../support/recording-kernel.ts';
import { RecordingNames } from '../support/recording-names.ts';
import { rejects } from '../support/refusal.ts';

const PEERS = parsePeers('/etc/peers.yaml', `hosts: {h1: 192.0.2.1, h2: 192.0.2.2}
networks:
  blue:
    vni: 77
    subnets: 10.1.0.0/24
    blocks: {h1: 10.1.0.0/30, h2: 10.1.0.64/28}
    names: {web: 10.1.0.70}
`);

async function open(name: string, store = new MemoryStore('00000001')): Promise<{ readonly controller: Controller } & AsyncDisposable> {
  const shared = await StaticStore.open(PEERS, name);
  const host = peerRecord(PEERS, name);
  const controller = await Controller.open({
    kernel: new RecordingKernel(),
    store,
    firewall: nftBackend('00000001'),
    cluster: { store: shared, host: () => host, file: PEERS.file },
    openNames: async () => new RecordingNames(),
  });
  await eventually(async () => controller.networks().length, (count) => count === 1);
  return { controller, [Symbol.asyncDispose]: () => controller[Symbol.asyncDispose]() };
}

describe('a host of a cluster that stands in a file', () => {
  it('gives addresses of its own blocks until there are none, and says where there could be more', async () => {
    await using host = await open('h1');
    const { controller } = host;
    const make = (name: string, ipv4?: string): ReturnType<typeof controller.createSandbox> => controller.createSandbox({ name, networks: [{ network: 'blue', ...(ipv4 === undefined ? {} : { ipv4 }) }] });
    // Of four, one is the network's own and one the gateway.
    assert.deepEqual([(await make('a')).endpoints[0]?.ipv4, (await make('b')).endpoints[0]?.ipv4], ['10.1.0.2/24', '10.1.0.3/24']);
    await rejects(make('c'), 'EXHAUSTED', /^this host has no address of network 'blue' left to give: add to its blocks in \/etc\/peers\.yaml on every host/);
    await rejects(make('c', '10.1.0.70'), 'FORBIDDEN', /10\.1\.0\.70 of network 'blue' is in a block of host 'h2'/);
    assert.deepEqual(controller.sandboxes().map(({ name }) => name), ['a', 'b']);
    assert.deepEqual(controller.network('blue').remoteEndpoints?.map(({ name, host: there, ipv4 }) => [name, there, ipv4]), [['web', 'h2', '10.1.0.70/24']]);
    assert.deepEqual(controller.cluster().hosts.map(({ name, state, endpoints }) => [name, state, endpoints]), [['h1', 'here', 2], ['h2', 'there', null]]);
  });

  it('gives them to whoever asks while it is still reading the file', async () => {
    const host = peerRecord(PEERS, 'h2');
    const shared = await StaticStore.open(PEERS, 'h2');
    const made = Promise.withResolvers<void>();
    await using controller = await Controller.open({
      kernel: new RecordingKernel(),
      store: new MemoryStore('00000002'),
      firewall: nftBackend('00000002'),
      cluster: { store: shared, host: () => host, file: PEERS.file },
      openNames: async () => new RecordingNames(),
      onEvent: ({ type, action }) => void (type === 'network' && action === 'create' && made.resolve()),
    });
    await made.promise;
    const [any, chosen] = await Promise.all([undefined, '10.1.0.70'].map((ipv4, at) => controller.createSandbox({ name: `s${String(at)}`, networks: [{ network: 'blue', ...(ipv4 === undefined ? {} : { ipv4 }) }] })));
    assert.deepEqual([any?.endpoints[0]?.ipv4, chosen?.endpoints[0]?.ipv4], ['10.1.0.64/24', '10.1.0.70/24']);
  });

  it('has its networks for engines too', async () => {
    await using host = await open('h2');
    const { engine } = host.controller;
    const id = 'e'.repeat(64);
    const pool = await engine.requestPool({ family: 4, subnet: '10.1.0.0/24', network: 'blue' });
    await engine.joinNetwork(id, { name: 'blue', driver: 'overlay', madeBy: 'engine', ipv4: true, ipv6: false, subnets: ['10.1.0.0/24'], gateways: ['10.1.0.1'] });
    assert.equal(await engine.requestAddress(pool.id, undefined, 'a container of the engine'), '10.1.0.64/24');
    await rejects(engine.requestAddress(pool.id, '10.1.0.2', 'another one'), 'FORBIDDEN', /is in a block of host 'h1' in \/etc\/peers\.yaml/);
    const endpoint = { id: 'f'.repeat(64), networkId: id, ipv4: '10.1.0.64/24', options: {} };
    await rejects(engine.createEndpoint({ ...endpoint, mac: '02:00:00:00:00:07' }), 'FORBIDDEN', /MAC address 02:00:00:00:00:07 cannot be had in network 'blue'/);
    await engine.createEndpoint(endpoint);
    await engine.deleteEndpoint(endpoint.id);
    await engine.deleteNetwork(id);
    await engine.releasePool(pool.id);
    assert.deepEqual(host.controller.networks().map(({ name }) => name), ['blue']);
  });

  it('leaves to the file what the file decides', async () => {
    await using host = await open('h1');
    const { controller } = host;
    await rejects(controller.createNetwork({ name: 'red', driver: 'overlay' }), 'FORBIDDEN', /'red' cannot be made for all hosts by a command: .* \/etc\/peers\.yaml; change it there on every host/);
    await rejects(controller.removeNetwork('blue'), 'FORBIDDEN', /'blue' cannot be removed here alone/);
    await rejects(controller.forgetHost('h2'), 'FORBIDDEN', /host h2 cannot be forgotten/);
    assert.deepEqual(controller.networks().map(({ name }) => name), ['blue']);
  });
});
