import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { endpointKey } from '../../src/cluster/keys.ts';
import { Mirror } from '../../src/cluster/mirror.ts';
import { Outbox } from '../../src/cluster/outbox.ts';
import type { SharedEndpoint } from '../../src/cluster/records.ts';
import { eventually } from '../support/eventually.ts';
import { SharedMemory, SharedServers } from '../support/shared-memory.ts';

const NETWORK = 'a'.repeat(64);

function endpoint(number: number, name = 'web'): SharedEndpoint {
  return { id: String(number).padStart(64, '0'), networkId: NETWORK, hostId: '00000001', mac: '02:00:00:00:00:01', ipv4: '10.0.0.2/24', names: [name], services: [] };
}

function keyOf(number: number): string {
  return endpointKey(NETWORK, endpoint(number).id);
}

function wanted(...endpoints: readonly SharedEndpoint[]): Map<string, SharedEndpoint> {
  return new Map(endpoints.map((one) => [endpointKey(NETWORK, one.id), one]));
}

describe('what the others are told of endpoints here', () => {
  let servers: SharedServers;
  let store: SharedMemory;
  let mirror: Mirror;
  let outbox: Outbox;

  beforeEach(async () => {
    servers = new SharedServers();
    store = new SharedMemory(servers);
    mirror = new Mirror(store, { follow: (news) => outbox.hear(news), lost: () => {}, found: () => outbox.wake() });
    outbox = new Outbox(store, mirror, '00000001', () => true, () => {});
    // Of an earlier life, and of another host.
    await servers.commit([
      { key: keyOf(8), value: endpoint(8) },
      { key: keyOf(9), value: { ...endpoint(9), hostId: '00000002' } },
    ]);
  });

  afterEach(async () => {
    await outbox[Symbol.asyncDispose]();
    await mirror[Symbol.asyncDispose]();
  });

  const keys = async (): Promise<string[]> => (await servers.store.list('endpoint/')).entries.map(({ key }) => key);
  const stands = async (...numbers: readonly number[]): Promise<void> => {
    const expected = numbers.map(keyOf).toSorted();
    assert.deepEqual(await eventually(keys, (found) => isDeepStrictEqual(found, expected)), expected);
  };

  it('is all that is there, in commits that etcd takes, and nothing of another host’s', async () => {
    outbox.want(wanted(...Array.from({ length: 250 }, (_, index) => endpoint(100 + index))));
    mirror.start();
    await stands(9, ...Array.from({ length: 250 }, (_, index) => 100 + index));
    assert.deepEqual(servers.log.slice(1).map(({ events }) => events.length), [100, 100, 51]);
  });

  it('is only what changed', async () => {
    outbox.want(wanted(endpoint(1), endpoint(2)));
    mirror.start();
    await stands(1, 2, 9);
    const before = servers.log.length;
    outbox.want(wanted(endpoint(1), endpoint(2, 'other')));
    await outbox.settled();
    assert.deepEqual(servers.log.slice(before).map(({ events }) => events.map(({ key }) => key)), [[keyOf(2)]]);
    outbox.want(new Map([[keyOf(1), undefined]]));
    await stands(2, 9);
  });

  it('stands again when somebody else took it away or wrote another thing', async () => {
    outbox.want(wanted(endpoint(1), endpoint(2)));
    mirror.start();
    await stands(1, 2, 9);
    await servers.commit([{ key: keyOf(1) }, { key: keyOf(2), value: endpoint(2, 'forged') }, { key: keyOf(3), value: endpoint(3) }]);
    await stands(1, 2, 9);
    assert.deepEqual(await eventually(async () => (await servers.store.get(keyOf(2)))?.value, (found) => isDeepStrictEqual(found, endpoint(2))), endpoint(2));
  });

  it('is waited for no longer than a moment where the servers swallow it', async () => {
    mirror.start();
    outbox.want(wanted(endpoint(1)));
    await stands(1, 9);
    store.isSilent = true;
    const started = performance.now();
    outbox.want(wanted(endpoint(2)));
    await outbox.settled();
    assert.ok(performance.now() - started < 2000, 'the first');
    const next = performance.now();
    outbox.want(wanted(endpoint(3)));
    await outbox.settled();
    assert.ok(performance.now() - next < 100, 'the second knows that the first one waits');
    store.isSilent = false;
    servers.wake();
    await stands(1, 2, 3, 9);
  });

  it('waits while the servers are away', async () => {
    outbox.want(wanted(endpoint(1)));
    mirror.start();
    await stands(1, 9);
    store.cut(true);
    outbox.want(new Map([[keyOf(1), undefined], [keyOf(2), endpoint(2)]]));
    await outbox.settled();
    store.cut(false);
    await stands(2, 9);
  });
});
