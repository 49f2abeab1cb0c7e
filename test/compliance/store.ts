import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import type { Store, StoreEvent } from '../../src/store/store.ts';
import { rejects } from '../support/refusal.ts';

/** The next events of a watch, as `key=value@revision`. */
async function next(events: AsyncIterator<StoreEvent>, count = 1): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { done, value } = await events.next();
    if (done === true) break;
    seen.push(`${value.key}=${JSON.stringify(value.value)}@${value.revision}`);
  }
  return seen;
}

async function commitMuch(store: Store): Promise<void> {
  for (let at = 0; at < 25; at++) {
    await store.commit(Array.from({ length: 1000 }, (_, item) => ({ key: `key/${item}`, value: at })));
  }
}

function iterate(store: Store, prefix: string, options?: { after?: number; signal?: AbortSignal }): AsyncIterator<StoreEvent> {
  return store.watch(prefix, options)[Symbol.asyncIterator]();
}

/** A store and what it is made from. */
export interface StoreImplementation {
  readonly name: string;
  /** Opens one that is new for each folder (which is there for the test, and need not be used). */
  readonly open: (folder: string) => Promise<Store>;
  /** Makes it forget what was committed up to now. Default: by a great many commits. */
  readonly forget?: (store: Store) => Promise<void>;
}

/** What every store does: one suite for all of them. */
export function describeStore({ name, open, forget = commitMuch }: StoreImplementation): void {
  describe(name, () => {
    let folder: string;
    let store: Store;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'store-'));
      store = await open(folder);
    });

    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    it('has an id of its own', async () => {
      assert.match(store.instanceId, /^[0-9a-f]{8}$/);
      await using other = await open(join(folder, 'other'));
      assert.notEqual(other.instanceId, store.instanceId);
    });

    it('gives back what was put, with the revision that wrote it', async () => {
      assert.equal(await store.get('network/a'), undefined);
      const value = { name: 'ä\n\0', list: [1, null, true, { deep: -0.5 }] };
      const revision = await store.commit([{ key: 'network/a', value }]);
      assert.deepEqual(await store.get('network/a'), { key: 'network/a', value, revision });
      const later = await store.commit([{ key: 'network/a', value: null }]);
      assert.ok(later > revision);
      assert.deepEqual(await store.get('network/a'), { key: 'network/a', value: null, revision: later });
      await store.commit([{ key: 'network/a' }]);
      assert.equal(await store.get('network/a'), undefined);
    });

    it('keeps its own copy of a value', async () => {
      const value = { list: [1] };
      const committed = store.commit([{ key: 'a', value }]);
      value.list.push(2);
      await committed;
      const read = await store.get('a');
      assert.deepEqual(read?.value, { list: [1] });
      Object.assign(read?.value ?? {}, { list: [] });
      assert.deepEqual((await store.get('a'))?.value, { list: [1] });
    });

    it('lists by prefix, sorted, as of one revision', async () => {
      const keys = ['network/b', 'network/a', 'network', 'network/~', 'networks/x', 'endpoint/1', 'network/a/1', 'network/B'];
      await store.commit(keys.map((key) => ({ key, value: key })));
      const revision = await store.commit([{ key: 'zone', value: 1 }]);
      const listing = await store.list('network/');
      assert.equal(listing.revision, revision);
      assert.deepEqual(listing.entries.map(({ key }) => key), ['network/B', 'network/a', 'network/a/1', 'network/b', 'network/~']);
      assert.deepEqual(listing.entries[1], { key: 'network/a', value: 'network/a', revision: revision - 1 });
      assert.equal((await store.list('')).entries.length, 9);
      assert.deepEqual((await store.list('nothing/')).entries, []);
      // No pattern of SQL or of anything else.
      assert.deepEqual((await store.list('network%')).entries, []);
      assert.deepEqual((await store.list("'")).entries, []);
    });

    it('commits all changes as one, under one revision', async () => {
      const revision = await store.commit([{ key: 'a', value: 1 }, { key: 'b', value: 2 }]);
      const later = await store.commit([{ key: 'a', value: 3 }, { key: 'b' }, { key: 'c', value: 4 }]);
      assert.equal(later, revision + 1);
      assert.deepEqual((await store.list('')).entries, [{ key: 'a', value: 3, revision: later }, { key: 'c', value: 4, revision: later }]);
    });

    it('never gives a revision twice, also after everything was deleted', async () => {
      const first = await store.commit([{ key: 'a', value: 1 }]);
      const second = await store.commit([{ key: 'a' }]);
      const third = await store.commit([{ key: 'a', value: 1 }]);
      assert.deepEqual([second - first, third - second], [1, 1]);
    });

    it('does not count what changes nothing', async () => {
      const revision = await store.commit([{ key: 'a', value: 1 }]);
      assert.equal(await store.commit([]), revision);
      assert.equal(await store.commit([{ key: 'absent' }]), revision);
      assert.equal(await store.commit([{ key: 'absent', expected: 0 }]), revision);
      assert.equal((await store.list('')).revision, revision);
    });

    it('refuses to make a key that is there: EXISTS', async () => {
      const revision = await store.commit([{ key: 'a', value: 1, expected: 0 }]);
      await rejects(store.commit([{ key: 'b', value: 1 }, { key: 'a', value: 2, expected: 0 }]), 'EXISTS', /'a' is there already/);
      assert.deepEqual(await store.list(''), { entries: [{ key: 'a', value: 1, revision }], revision });
    });

    it('refuses to change what somebody changed or deleted meanwhile: IN_USE', async () => {
      const expected = await store.commit([{ key: 'a', value: 1 }]);
      const now = await store.commit([{ key: 'a', value: 2 }]);
      await rejects(store.commit([{ key: 'b', value: 1 }, { key: 'a', value: 3, expected }]), 'IN_USE', /changed \(revision \d+ instead of \d+\).*read it again/);
      await rejects(store.commit([{ key: 'a', expected }]), 'IN_USE');
      assert.deepEqual((await store.list('')).entries, [{ key: 'a', value: 2, revision: now }]);
      await store.commit([{ key: 'a', expected: now }]);
      await rejects(store.commit([{ key: 'a', value: 3, expected: now }]), 'IN_USE', /deleted/);
      assert.deepEqual((await store.list('')).entries, []);
    });

    it('commits only while keys that it does not change are as they were', async () => {
      const expected = await store.commit([{ key: 'host', value: 1 }]);
      await store.commit([{ key: 'a', value: 1 }], { checks: [{ key: 'host', expected }, { key: 'tomb', expected: 0 }] });
      const revision = await store.commit([{ key: 'tomb', value: 1 }]);
      await rejects(store.commit([{ key: 'a', value: 2 }], { checks: [{ key: 'tomb', expected: 0 }] }), 'EXISTS', /'tomb' is there already/);
      await rejects(store.commit([{ key: 'a', value: 2 }], { checks: [{ key: 'host', expected: expected + 1 }] }), 'IN_USE', /'host' was changed/);
      await rejects(store.commit([{ key: 'a', value: 2 }], { checks: [{ key: 'gone', expected }] }), 'IN_USE', /'gone' was deleted/);
      await rejects(store.commit([], { checks: [{ key: 'tomb', expected: 0 }] }), 'EXISTS');
      await rejects(store.commit([{ key: 'a', value: 2 }], { checks: [{ key: 'a', expected }] }), 'INVALID', /'a' stands twice/);
      await rejects(store.commit([{ key: 'a', value: 2 }], { checks: [{ key: 'b c', expected }] }), 'INVALID');
      assert.deepEqual((await store.list('')).revision, revision);
      assert.deepEqual((await store.get('a'))?.value, 1);
    });

    it('lets exactly one of many win the same race', async () => {
      const racers = Array.from({ length: 20 }, (_, value) => store.commit([{ key: 'a', value, expected: 0 }, { key: `racer/${value}`, value }]));
      const results = await Promise.allSettled(racers);
      assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', ...Array.from({ length: 19 }, () => 'rejected')]);
      const winner = results.findIndex(({ status }) => status === 'fulfilled');
      assert.equal((await store.get('a'))?.value, winner);
      assert.deepEqual((await store.list('racer/')).entries.map(({ value }) => value), [winner]);
    });

    it('keeps commits made at the same moment in order, each with its revision', async () => {
      const revisions = await Promise.all(Array.from({ length: 50 }, (_, value) => store.commit([{ key: 'a', value }])));
      assert.deepEqual(revisions, Array.from({ length: 50 }, (_, at) => (revisions[0] ?? 0) + at));
      assert.equal((await store.get('a'))?.value, 49);
    });

    it('refuses keys and values that not every store could keep', async () => {
      for (const key of ['', 'a b', 'ä', 'a\n', 'a\0', 'x'.repeat(513)]) {
        await rejects(store.commit([{ key, value: 1 }]), 'INVALID', /store key '/);
      }
      await rejects(store.commit([{ key: 'a', value: 1 }, { key: 'a', value: 2 }]), 'INVALID', /'a' stands twice/);
      const circle: { self?: unknown } = {};
      circle.self = circle;
      for (const value of [1n, circle, () => 1, Symbol('x')]) {
        await rejects(store.commit([{ key: 'a', value }]), 'INVALID', /cannot be written as JSON/);
      }
      assert.deepEqual((await store.list('')).entries, []);
    });

    it('shows changes below a prefix to who watches, in order', async () => {
      const events = iterate(store, 'network/');
      const first = await store.commit([{ key: 'network/a', value: { x: 1 } }, { key: 'endpoint/1', value: 1 }]);
      await store.commit([{ key: 'network/a', value: 2 }, { key: 'network/b', value: 3 }]);
      await store.commit([{ key: 'network/a' }, { key: 'network/absent' }]);
      assert.deepEqual(await next(events, 4), [
        `network/a={"x":1}@${first}`,
        `network/a=2@${first + 1}`,
        `network/b=3@${first + 1}`,
        `network/a=undefined@${first + 2}`,
      ]);
    });

    it('wakes who waits for a change', async () => {
      const waiting = next(iterate(store, ''));
      const revision = await store.commit([{ key: 'a', value: 1 }]);
      assert.deepEqual(await waiting, [`a=1@${revision}`]);
    });

    it('watches from the call on, not from the first look', async () => {
      await store.commit([{ key: 'before', value: 1 }]);
      const events = iterate(store, '');
      const revision = await store.commit([{ key: 'after', value: 1 }]);
      assert.deepEqual(await next(events), [`after=1@${revision}`]);
    });

    it('misses nothing between a listing and a watch after it', async () => {
      await store.commit([{ key: 'a', value: 1 }]);
      const { revision } = await store.list('');
      await store.commit([{ key: 'a', value: 2 }]);
      await store.commit([{ key: 'a' }]);
      assert.deepEqual(await next(iterate(store, '', { after: revision }), 2), [`a=2@${revision + 1}`, `a=undefined@${revision + 2}`]);
    });

    it('shows nothing of a refused commit', async () => {
      await store.commit([{ key: 'a', value: 1 }]);
      const events = iterate(store, '');
      await rejects(store.commit([{ key: 'b', value: 1 }, { key: 'a', value: 2, expected: 0 }]), 'EXISTS');
      const revision = await store.commit([{ key: 'c', value: 1 }]);
      assert.deepEqual(await next(events), [`c=1@${revision}`]);
    });

    it('shows each watcher values of its own', async () => {
      const [one, other] = [iterate(store, ''), iterate(store, '')];
      await store.commit([{ key: 'a', value: { x: 1 } }]);
      const event = await one.next();
      assert.ok(event.done !== true);
      Object.assign(event.value.value ?? {}, { x: 2 });
      const [seen = ''] = await next(other);
      assert.match(seen, /^a=\{"x":1\}/);
    });

    it('ends a watch quietly when it is aborted, also while it waits, and leaves others alone', async () => {
      const controller = new AbortController();
      const waiting = next(iterate(store, '', { signal: controller.signal }));
      const other = next(iterate(store, ''));
      controller.abort();
      assert.deepEqual(await waiting, []);
      assert.deepEqual(await next(iterate(store, '', { signal: controller.signal })), []);
      const revision = await store.commit([{ key: 'a', value: 1 }]);
      assert.deepEqual(await other, [`a=1@${revision}`]);
    });

    it('tells who asks for forgotten changes to list again', async () => {
      const { revision } = await store.list('');
      await store.commit([{ key: 'a', value: 1 }]);
      await forget(store);
      await rejects(next(iterate(store, '', { after: revision })), 'UNAVAILABLE', /too old.*list again/);
      const { revision: now } = await store.list('');
      const events = iterate(store, '', { after: now });
      await store.commit([{ key: 'a', value: 1 }]);
      assert.deepEqual(await next(events), [`a=1@${now + 1}`]);
    });

    // Elsewhere, watchers are behind only as far as they did not fetch what is there.
    if (forget === commitMuch) {
      it('tells the same to who fell behind, and costs nothing meanwhile', async () => {
        const slow = iterate(store, '');
        await store.commit([{ key: 'a', value: 1 }]);
        await next(slow);
        await forget(store);
        await rejects(next(slow), 'UNAVAILABLE', /too old/);
      });
    }

    it('refuses everything once closed, and ends what watched after the last change', async () => {
      const events = iterate(store, '');
      const waiting = next(iterate(store, 'none/'));
      const late = store.commit([{ key: 'a', value: 1 }]);
      await store[Symbol.asyncDispose]();
      const revision = await late;
      assert.deepEqual(await next(events, 2), [`a=1@${revision}`]);
      assert.deepEqual(await waiting, []);
      await rejects(store.get('a'), 'UNAVAILABLE', /closed/);
      await rejects(store.list(''), 'UNAVAILABLE');
      await rejects(store.commit([{ key: 'a', value: 1 }]), 'UNAVAILABLE');
      await store[Symbol.asyncDispose]();
    });

    it('agrees with a plain map after any commits', async () => {
      const change = fc.record({ key: fc.constantFrom('a', 'a/1', 'a/2', 'b'), value: fc.option(fc.nat(9), { nil: undefined }), guess: fc.constantFrom('none', 'right', 'wrong') });
      const commits = fc.array(fc.uniqueArray(change, { selector: ({ key }) => key, maxLength: 4 }), { maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(commits, async (all) => {
          await store.commit((await store.list('')).entries.map(({ key }) => ({ key })));
          const { revision: start } = await store.list('');
          const model = new Map<string, { value: number; revision: number }>();
          const events = iterate(store, '');
          let revision = start;
          let count = 0;
          for (const changes of all) {
            const fine = changes.every(({ guess }) => guess !== 'wrong');
            const committed = store.commit(changes.map(({ key, value, guess }) => {
              const now = model.get(key)?.revision ?? 0;
              return { key, value, ...(guess === 'none' ? {} : { expected: guess === 'right' ? now : now + 1 }) };
            }));
            if (!fine) {
              await assert.rejects(committed);
              continue;
            }
            const real = changes.filter(({ key, value }) => value !== undefined || model.has(key));
            if (real.length > 0) revision++;
            count += real.length;
            assert.equal(await committed, revision);
            for (const { key, value } of real) {
              if (value === undefined) model.delete(key);
              else model.set(key, { value, revision });
            }
          }
          const expected = [...model].map(([key, held]) => ({ key, ...held })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
          assert.deepEqual(await store.list(''), { entries: expected, revision });
          // Replaying what a watcher saw gives the same map.
          const replayed = new Map<string, unknown>();
          for (const event of await next(events, count)) {
            const [, key = '', value = ''] = /^(.*)=(.*)@\d+$/.exec(event) ?? [];
            if (value === 'undefined') replayed.delete(key);
            else replayed.set(key, Number(value));
          }
          assert.deepEqual(new Map([...model].map(([key, { value }]) => [key, value])), replayed);
          await events.return?.();
        }),
        { numRuns: 60 },
      );
    });
  });
}
