import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { NetworkError } from '../../src/common/error.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import type { SharedStore } from '../../src/store/shared-store.ts';
import { EtcdCluster, needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

/** What a watcher has seen: by key, each value with its revision. */
class Watcher {
  readonly seen = new Map<string, { value: unknown; revision: number }>();
  readonly revisions: number[] = [];
  readonly events: string[] = [];
  revision = 0;
  readonly #over = new AbortController();
  readonly #watching: Promise<void>;

  constructor(store: SharedStore, after: number) {
    this.#watching = this.#follow(store, after);
    this.#watching.catch(() => {});
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }

  async #follow(store: SharedStore, after: number): Promise<void> {
    for await (const { revision, events } of store.watchBatches('', { after, signal: this.#over.signal })) {
      this.revision = revision;
      if (events.length > 0) this.revisions.push(revision);
      for (const event of events) {
        this.events.push(`${event.key}=${String(event.value)}`);
        if (event.value === undefined) this.seen.delete(event.key);
        else this.seen.set(event.key, event);
      }
    }
  }
}

/** Commits until told to stop, each kind in its own way; gives what was acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly failed: NetworkError[] = [];
  longest = 0;
  readonly #store: SharedStore;
  readonly #name: string;
  #isOver = false;
  readonly #writing: Promise<void>;

  constructor(store: SharedStore, name: string, isGuarded: boolean) {
    this.#store = store;
    this.#name = name;
    this.#writing = this.#write(isGuarded);
  }

  end(): Promise<void> {
    this.#isOver = true;
    return this.#writing;
  }

  async #write(isGuarded: boolean): Promise<void> {
    for (let at = 0; !this.#isOver; at++) {
      const key = `${this.#name}/${at}`;
      const begun = performance.now();
      try {
        await this.#store.commit([{ key, value: at, ...(isGuarded ? { expected: 0 } : {}) }, { key: `${this.#name}-last`, value: at }]);
        this.acknowledged.push(key);
        this.longest = Math.max(this.longest, performance.now() - begun);
      } catch (error) {
        assert.ok(error instanceof NetworkError && error.code === 'UNAVAILABLE', String(error));
        this.failed.push(error);
        await wait(20);
      }
    }
  }
}

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
}

inPrivateNamespace(import.meta.filename, () => {
  describe('a cluster of three etcds', () => {
    let cluster: EtcdCluster;
    let store: SharedStore;
    let observer: SharedStore;

    before(function () {
      needEtcd(this);
    });

    beforeEach(async () => {
      cluster = await EtcdCluster.start();
      [store, observer] = await Promise.all([0, 1].map(() => openEtcdStore({ endpoints: cluster.urls }))) as [SharedStore, SharedStore];
    });

    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await observer[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    });

    /** What was acknowledged is there, and the watcher has seen exactly what a listing shows. */
    const verify = async (writers: readonly Writer[], watcher: Watcher): Promise<void> => {
      await Promise.all(writers.map((writer) => writer.end()));
      const end = await store.commit([{ key: 'end', value: 'end' }]);
      await eventually(async () => watcher.revision, (revision) => revision >= end);
      await watcher.end();
      const { entries } = await store.list('');
      const keys = new Set(entries.map(({ key }) => key));
      const lost = writers.flatMap(({ acknowledged }) => acknowledged).filter((key) => !keys.has(key));
      assert.deepEqual(lost, []);
      assert.deepEqual([...watcher.seen.values()].map(({ revision, value }) => ({ revision, value })).toSorted(byRevision), entries.map(({ revision, value }) => ({ revision, value })).toSorted(byRevision));
      assert.ok(ascending(watcher.revisions), 'revisions in order');
      assert.equal(new Set(watcher.events).size, watcher.events.length, 'nothing twice');
    };
    const byRevision = (a: { revision: number; value: unknown }, b: { revision: number; value: unknown }): number => a.revision - b.revision || String(a.value).localeCompare(String(b.value));

    it('keeps what it acknowledged when its leader is killed, and a watch misses nothing', async function () {
      const watcher = new Watcher(observer, (await observer.list('')).revision);
      const writers = [new Writer(store, 'a', true), new Writer(store, 'b', true), new Writer(store, 'c', false), new Writer(observer, 'd', true)];
      await wait(700);
      for (let time = 0; time < 2; time++) {
        await (await cluster.leader()).kill();
        await wait(3500);
        await cluster.start();
        await wait(500);
      }
      await verify(writers, watcher);
      const guarded = writers.filter((_, at) => at !== 2);
      assert.deepEqual(guarded.flatMap(({ failed }) => failed.map(({ message }) => message)), [], 'commits that can be repeated go through');
      assert.ok(writers.every(({ acknowledged }) => acknowledged.length > 100));
    });

    it('goes on after all of it was away, and a watch misses nothing', async function () {
      const health: boolean[] = [];
      using listening = store.onHealth(({ isReachable }) => health.push(isReachable));
      const watcher = new Watcher(observer, (await observer.list('')).revision);
      const writers = [new Writer(store, 'a', true), new Writer(store, 'b', false)];
      await wait(300);
      await Promise.all(cluster.members.map((member) => member.kill()));
      await wait(3000);
      assert.equal(store.health.isReachable, false);
      for (const port of [2379, 2389, 2399]) assert.match(store.health.reason?.message ?? '', new RegExp(`127.0.0.1:${port}: connect ECONNREFUSED`));
      const before = writers.map(({ acknowledged }) => acknowledged.length);
      await cluster.start();
      await eventually(async () => writers.map(({ acknowledged }) => acknowledged.length), (now) => now.every((count, at) => count > (before[at] ?? 0)));
      await wait(300);
      await verify(writers, watcher);
      assert.deepEqual(health, [false, true], String(listening));
    });

    it('moves on when the member in use stops without a word', async function () {
      const watcher = new Watcher(observer, (await observer.list('')).revision);
      const writers = [new Writer(store, 'a', true), new Writer(observer, 'b', true)];
      await wait(300);
      const leader = await cluster.leader();
      for (const member of cluster.members.filter((one) => one !== leader)) {
        await member.kill('SIGSTOP');
        await wait(4000);
        await member.kill('SIGCONT');
        await wait(500);
      }
      await verify(writers, watcher);
      assert.deepEqual(writers.flatMap(({ failed }) => failed), []);
    });

    it('refuses what it cannot agree on, and says that there is no leader', async function () {
      const events = observer.watch('')[Symbol.asyncIterator]();
      await store.commit([{ key: 'a', value: 1 }]);
      assert.equal((await events.next()).value?.key, 'a');
      const [one, ...others] = cluster.members;
      assert.ok(one);
      await Promise.all(others.map((member) => member.kill()));
      await wait(2500);
      await rejects(store.commit([{ key: 'a', value: 2, expected: 0 }]), 'UNAVAILABLE', /no leader/);
      await rejects(store.get('a'), 'UNAVAILABLE', /no leader/);
      await rejects(store.openLease(5), 'UNAVAILABLE', /no leader/);
      assert.equal(store.health.isReachable, false);
      const back = Promise.withResolvers<boolean>();
      using listening = store.onHealth(({ isReachable }) => back.resolve(isReachable));
      await cluster.start();
      assert.equal(await back.promise, true, String(listening));
      const revision = await store.commit([{ key: 'a', value: 3 }]);
      assert.deepEqual((await events.next()).value, { key: 'a', value: 3, revision });
    });
  });
});
