import assert from 'node:assert/strict';
import { Mirror } from '../../src/cluster/mirror.ts';
import { NetworkError } from '../../src/common/error.ts';
import { eventually } from '../support/eventually.ts';
import { rejects } from '../support/refusal.ts';
import { SharedMemory, SharedServers } from '../support/shared-memory.ts';

const WITNESS = 'lending/a';

describe('whoever waits for what the cluster’s store tells', () => {
  let store: SharedMemory;
  let mirror: Mirror;

  beforeEach(async () => {
    const servers = new SharedServers();
    store = new SharedMemory(servers);
    mirror = new Mirror(store, { follow: () => {}, lost: () => {}, found: () => {} });
    await servers.commit([{ key: WITNESS, value: '' }]);
  });

  afterEach(() => mirror[Symbol.asyncDispose]());

  /** Two who wait for what has not happened: a later revision, and the end of a key. */
  const wait = async (): Promise<readonly Promise<void>[]> => {
    mirror.start();
    await eventually(async () => mirror.isCurrent, (isCurrent) => isCurrent);
    return [mirror.reaches(1000), mirror.told((directory) => directory.revisionOf(WITNESS) === 0)];
  };

  it('waits no longer when the servers are away', async () => {
    const waiting = await wait();
    store.cut(true);
    for (const one of waiting) await rejects(one, 'UNAVAILABLE', /does not tell what changes/);
  });

  it('waits no longer when the store was restored from an older backup, which is said and not followed', async () => {
    const told: string[] = [];
    await mirror[Symbol.asyncDispose]();
    mirror = new Mirror(store, { follow: ({ blocks }) => void told.push(...blocks), lost: ({ message }) => void told.push(message), found: () => {} });
    const spoilt = Promise.withResolvers<never>();
    store.watchBatches = async function* () {
      yield await spoilt.promise;
    };
    const waiting = await wait();
    const { revision } = mirror.directory;
    store.list = async () => ({ entries: [], revision: revision - 1 });
    spoilt.reject(new NetworkError('UNAVAILABLE', 'what it went on from is gone'));
    for (const one of waiting) await rejects(one, 'UNAVAILABLE', /does not tell what changes/);
    store.list = async () => ({ entries: [], revision: revision + 5 });
    store.cut(true);
    store.cut(false);
    assert.deepEqual([mirror.isCurrent, mirror.directory.revisionOf(WITNESS) > 0, told.length], [false, true, 1]);
    assert.match(told[0] ?? '', /restored from an older backup; restart this daemon/);
  });

  it('waits no longer when they answer, and what they say cannot be read', async () => {
    const spoilt = Promise.withResolvers<never>();
    store.watchBatches = async function* () {
      yield await spoilt.promise;
    };
    const waiting = await wait();
    store.list = () => spoilt.promise;
    spoilt.reject(new NetworkError('CORRUPT', 'a value is no JSON'));
    for (const one of waiting) await rejects(one, 'UNAVAILABLE', /does not tell what changes/);
  });
});
