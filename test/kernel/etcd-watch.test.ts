import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import * as fc from 'fast-check';
import { NetworkError } from '../../src/common/error.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import type { SharedStore, StoreBatch } from '../../src/store/shared-store.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

/** Batches until everything up to a revision has been seen. */
async function upTo(batches: AsyncIterator<StoreBatch>, revision: number): Promise<StoreBatch[]> {
  const seen: StoreBatch[] = [];
  for (;;) {
    const { done, value } = await batches.next();
    if (done === true) return seen;
    seen.push(value);
    if (value.revision >= revision) return seen;
  }
}

inPrivateNamespace(import.meta.filename, () => {
  let etcd: Etcd;
  let proxy: CuttingProxy;
  /** Behind the proxy. */
  let store: SharedStore;
  let direct: SharedStore;

  before(function () {
    needEtcd(this);
  });

  beforeEach(async () => {
    etcd = await Etcd.start({ flags: ['--max-txn-ops=1000'] });
    proxy = await CuttingProxy.start(etcd.port);
    store = await openEtcdStore({ endpoints: [proxy.url], requestTimeout: 1000 });
    direct = await openEtcdStore({ endpoints: [etcd.url] });
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await direct[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  /** Cuts every connection and lets no new one come until told. */
  const isolate = async (): Promise<void> => {
    proxy.mode = 'refuse';
    proxy.cut();
    await eventually(async () => store.get('a').then(() => true, () => false), (answers) => !answers);
  };

  describe('a watch of etcd', () => {
    it('shows each commit whole, and how far it has come', async () => {
      const batches = store.watchBatches('net/')[Symbol.asyncIterator]();
      const first = await store.commit([{ key: 'net/a', value: 1 }, { key: 'net/b', value: 2 }, { key: 'other', value: 3 }]);
      const second = await store.commit([{ key: 'net/a' }, { key: 'net/b', value: 4 }]);
      assert.deepEqual(await upTo(batches, second), [
        { revision: first, events: [{ key: 'net/a', value: 1, revision: first }, { key: 'net/b', value: 2, revision: first }] },
        { revision: second, events: [{ key: 'net/a', value: undefined, revision: second }, { key: 'net/b', value: 4, revision: second }] },
      ]);
    });

    it('shows whole what was committed while it was cut off, however large', async () => {
      const batches = store.watchBatches('')[Symbol.asyncIterator]();
      const first = await direct.commit([{ key: 'a', value: 0 }]);
      await upTo(batches, first);
      await isolate();
      const expected: string[] = [];
      let last = 0;
      for (let at = 0; at < 12; at++) {
        last = await direct.commit([1, 2, 3].map((part) => ({ key: `large/${part}`, value: `${at % 10}`.repeat(300_000) })));
        expected.push(`${last}: large/1 large/2 large/3`);
      }
      proxy.mode = 'through';
      const seen = await upTo(batches, last);
      assert.deepEqual(seen.map(({ revision, events }) => `${revision}: ${events.map(({ key }) => key).toSorted().join(' ')}`), expected);
    });

    it('tells who was cut off for too long to list again, and misses nothing then', async () => {
      const waiting = store.watch('')[Symbol.asyncIterator]().next();
      waiting.catch(() => {});
      await isolate();
      await direct.commit([{ key: 'a', value: 1 }]);
      const revision = await direct.commit([{ key: 'a', value: 2 }]);
      await etcd.ctl('compaction', String(revision));
      proxy.mode = 'through';
      await rejects(waiting, 'UNAVAILABLE', /too old to be remembered: list again/);
      const listing = await store.list('');
      assert.deepEqual(listing.entries.map(({ value }) => value), [2]);
      const events = store.watch('', { after: listing.revision })[Symbol.asyncIterator]();
      await direct.commit([{ key: 'a', value: 3 }]);
      assert.equal((await events.next()).value?.value, 3);
    });

    it('tells the same to who has seen more than there is: an older copy was restored', async () => {
      await direct.commit([{ key: 'a', value: 1 }]);
      const { revision } = await direct.list('');
      await rejects(store.watch('', { after: revision + 100 })[Symbol.asyncIterator]().next(), 'UNAVAILABLE', new RegExp(`at revision ${revision}, but ${revision + 100} was seen.*list again`));
      const events = store.watch('')[Symbol.asyncIterator]();
      await direct.commit([{ key: 'a', value: 2 }]);
      assert.equal((await events.next()).value?.value, 2);
    });

    it('says so when the deletion that it would begin with is the one up to which etcd has forgotten', async () => {
      const after = await direct.commit([{ key: 'a', value: 1 }]);
      const gone = await direct.commit([{ key: 'a' }]);
      await etcd.ctl('compaction', String(gone));
      await rejects(store.watch('', { after })[Symbol.asyncIterator]().next(), 'UNAVAILABLE', /too old to be remembered: list again/);
    });

    it('finds out that its server is silent, and goes on when it is not', async () => {
      const health: boolean[] = [];
      const events = store.watch('')[Symbol.asyncIterator]();
      await direct.commit([{ key: 'a', value: 1 }]);
      await events.next();
      using listening = store.onHealth(({ isReachable }) => health.push(isReachable));
      proxy.mode = 'hold';
      const revision = await direct.commit([{ key: 'a', value: 2 }]);
      await eventually(async () => health.length, (changes) => changes === 1);
      assert.deepEqual(health, [false], String(listening));
      proxy.mode = 'through';
      assert.deepEqual((await events.next()).value, { key: 'a', value: 2, revision });
      assert.deepEqual(health, [false, true]);
    });

    it('lets the server wait for a slow one, which then gets everything', async () => {
      const events = store.watch('')[Symbol.asyncIterator]();
      let count = 0;
      for (let round = 0; round < 12; round++) {
        await direct.commit(Array.from({ length: 1000 }, (_, at) => ({ key: `key/${at}`, value: 'x'.repeat(100) })));
        count += 1000;
      }
      const last = await direct.commit([{ key: 'end', value: 1 }]);
      let seen = 0;
      for (;;) {
        const { value } = await events.next();
        assert.ok(value);
        if (value.revision === last) break;
        seen += 1;
      }
      assert.equal(seen, count);
    });

    it('leaves nothing behind when it ends: neither connection nor timer', async () => {
      await wait(100);
      const before = process.getActiveResourcesInfo().toSorted();
      const own = await openEtcdStore({ endpoints: [etcd.url] });
      const watching = (async () => {
        for await (const event of own.watch('')) if (event.key === 'stop') break;
      })();
      const unused = own.watchBatches('');
      await own.openLease(10);
      await own.commit([{ key: 'stop', value: 1 }]);
      await watching;
      await own[Symbol.asyncDispose]();
      for await (const batch of unused) assert.deepEqual(batch.events.map(({ key }) => key), ['stop']);
      await wait(100);
      assert.deepEqual(process.getActiveResourcesInfo().toSorted(), before);
    });

    it('and listings converge under any commits and cuts', async function () {
      const key = fc.constantFrom('a', 'a/1', 'a/2', 'b', 'b/1');
      const change = fc.record({ key, value: fc.option(fc.nat(9), { nil: undefined }) });
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), by: fc.constantFrom('store', 'direct'), changes: fc.uniqueArray(change, { selector: (one) => one.key, minLength: 1, maxLength: 4 }) }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'away' as const, 'back' as const, 'deaf' as const, 'pause' as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          proxy.mode = 'through';
          const mirror = new Mirror(store, 'a');
          for (const one of steps) {
            if (one.do === 'commit') await (one.by === 'store' ? store : direct).commit(one.changes).catch(passing);
            else if (one.do === 'compact') await etcd.ctl('compaction', String((await direct.list('')).revision)).catch(() => {}); // done already
            else if (one.do === 'cut') proxy.cut();
            else if (one.do === 'pause') await wait(15);
            else {
              proxy.mode = one.do === 'away' ? 'refuse' : one.do === 'deaf' ? 'deaf' : 'through';
              proxy.cut();
            }
          }
          proxy.mode = 'through';
          const end = await direct.commit([{ key: 'a/end', value: 1 }]);
          await eventually(async () => mirror.revision, (revision) => revision >= end);
          const { entries } = await direct.list('a');
          assert.deepEqual(mirror.content(), entries.map((entry) => `${entry.key}=${JSON.stringify(entry.value)}@${entry.revision}`));
          assert.deepEqual(mirror.backwards, []);
          await mirror.end();
          await direct.commit((await direct.list('')).entries.map((entry) => ({ key: entry.key })));
        }),
        { numRuns: 25, interruptAfterTimeLimit: 40_000 },
      );
    });
  });

  describe('a listing of etcd', () => {
    it('of 50,000 keys is of one moment', async function () {
      for (let start = 0; start < 50_000; start += 1000) {
        await direct.commit(Array.from({ length: 1000 }, (_, at) => ({ key: `key/${String(start + at).padStart(5, '0')}`, value: 0 })));
      }
      const over = new AbortController();
      const disturb = (async () => {
        // both always have the same value
        for (let value = 1; !over.signal.aborted; value++) await direct.commit([{ key: 'key/00000', value }, { key: 'key/49999', value }]);
      })();
      await wait(50);
      for (let time = 0; time < 3; time++) {
        const { entries, revision } = await store.list('key/');
        assert.equal(entries.length, 50_000);
        assert.equal(entries[0]?.value, entries.at(-1)?.value);
        assert.ok(entries.every((entry, at) => entry.revision <= revision && entry.key === `key/${String(at).padStart(5, '0')}`));
      }
      over.abort();
      await disturb;
    });

    it('of values that are too large for one answer comes in smaller ones', async function () {
      for (let at = 0; at < 30; at++) await direct.commit([{ key: `large/${at}`, value: 'x'.repeat(1_300_000) }]);
      assert.equal((await direct.list('')).entries.length, 30);
    });
  });
});

/** A copy of everything below a prefix, kept as a host of a cluster keeps it: list, watch, and list again when told to. */
class Mirror {
  revision = 0;
  readonly backwards: string[] = [];
  readonly #prefix: string;
  readonly #entries = new Map<string, { readonly value: unknown; readonly revision: number }>();
  readonly #over = new AbortController();
  readonly #keeping: Promise<void>;

  constructor(store: SharedStore, prefix: string) {
    this.#prefix = prefix;
    this.#keeping = this.#keep(store);
  }

  content(): string[] {
    return [...this.#entries].map(([key, { value, revision }]) => `${key}=${JSON.stringify(value)}@${revision}`).toSorted((a, b) => (a.split('=')[0] ?? '').localeCompare(b.split('=')[0] ?? ''));
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#keeping;
  }

  async #keep(store: SharedStore): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        const { entries, revision } = await store.list(this.#prefix);
        this.#entries.clear();
        for (const entry of entries) this.#entries.set(entry.key, entry);
        this.revision = revision;
        for await (const batch of store.watchBatches(this.#prefix, { after: revision, signal })) {
          if (batch.revision <= this.revision) this.backwards.push(`${batch.revision} after ${this.revision}`);
          for (const { key, value, revision: changed } of batch.events) {
            if (value === undefined) this.#entries.delete(key);
            else this.#entries.set(key, { value, revision: changed });
          }
          this.revision = batch.revision;
        }
      } catch (error) {
        passing(error);
        await wait(10);
      }
    }
  }
}

/** What may happen when connections are cut. */
function passing(error: unknown): void {
  assert.ok(error instanceof NetworkError && error.code === 'UNAVAILABLE', String(error));
}
