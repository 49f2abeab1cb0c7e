import assert from 'node:assert/strict';
import type { KnownEntries, SharedStore } from '../../src/store/shared-store.ts';
import type { Listing } from '../../src/store/store.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';

function knownFrom({ entries, revision }: Listing): KnownEntries {
  const revisions = new Map(entries.map((entry) => [entry.key, entry.revision]));
  return { revision, keys: () => revisions.keys(), revisionOf: (key) => revisions.get(key) ?? 0 };
}

inPrivateNamespace(import.meta.filename, () => {
  let etcd: Etcd;
  let store: SharedStore;

  before(async function () {
    needEtcd(this);
    etcd = await Etcd.start();
    store = await openEtcdStore({ endpoints: [etcd.url] });
    for (const network of ['a', 'b', 'c']) await store.commit(Array.from({ length: 100 }, (_, number) => ({ key: `endpoint/${network}/${String(number)}`, value: `${network} ${String(number)}` })));
    // A path below another, and one without any.
    await store.commit([{ key: 'endpoint/lone', value: 1 }, { key: 'subnets', value: 2 }, { key: 'network/a', value: 3 }]);
  });

  after(async () => {
    await store?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  /** What was not known is there with its value, and everything is there. */
  const compare = async (known: Listing): Promise<number> => {
    const [listed, whole] = [await store.list('', knownFrom(known)), await store.list('')];
    assert.deepEqual(listed.entries.map(({ key, revision }) => [key, revision]), whole.entries.map(({ key, revision }) => [key, revision]));
    assert.equal(listed.revision, whole.revision);
    const before = new Map(known.entries.map(({ key, revision }) => [key, revision]));
    for (const [index, { key, value, revision }] of whole.entries.entries()) if (before.get(key) !== revision) assert.deepEqual(listed.entries[index]?.value, value);
    return listed.entries.filter(({ value }) => value !== undefined).length;
  };

  describe('a listing of etcd of which much is known', () => {
    it('brings what changed and came, and nothing else', async () => {
      const known = await store.list('');
      assert.equal(await compare(known), 0);
      await store.commit([{ key: 'endpoint/a/7', value: 'other' }, { key: 'endpoint/new/1', value: 'new' }, { key: 'host/1', value: 'new' }]);
      assert.equal(await compare(known), 3);
    });

    it('misses what is gone, wherever that was, also when as much came', async () => {
      const known = await store.list('');
      await store.commit([{ key: 'endpoint/b/7' }, { key: 'endpoint/b/8' }, { key: 'endpoint/c/1000', value: 'new' }, { key: 'subnets' }]);
      assert.equal(await compare(known), 1);
      await store.commit([{ key: 'endpoint/lone' }, { key: 'network/a' }, { key: 'endpoint/b/7', value: 'again' }]);
      assert.equal(await compare(known), 2);
    });

    it('is right after anything at all', async () => {
      for (let round = 0; round < 20; round += 1) {
        const known = await store.list('');
        const changes = new Map<string, unknown>();
        for (let count = 0; count < 30; count += 1) changes.set(`endpoint/${['a', 'b', 'c', 'd'][Math.floor(Math.random() * 4)] ?? ''}/${String(Math.floor(Math.random() * 40))}`, Math.random() < 0.5 ? undefined : Math.random());
        await store.commit([...changes].map(([key, value]) => ({ key, value })));
        await compare(known);
      }
    });
  });
});
