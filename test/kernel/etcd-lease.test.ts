import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import type { SharedStore } from '../../src/store/shared-store.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

const CHILD = fileURLToPath(new URL('../support/etcd-child.ts', import.meta.url));

inPrivateNamespace(import.meta.filename, () => {
  let etcd: Etcd;
  let store: SharedStore;

  before(function () {
    needEtcd(this);
  });

  beforeEach(async () => {
    etcd = await Etcd.start();
    store = await openEtcdStore({ endpoints: [etcd.url], requestTimeout: 1000 });
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  describe('a lease of etcd', () => {
    it('is kept alive, and takes its keys with it when it is given back', async () => {
      const events = store.watch('')[Symbol.asyncIterator]();
      const lease = await store.openLease(2);
      assert.equal(lease.seconds, 2);
      await store.commit([{ key: 'host', value: 1, lease }, { key: 'stays', value: 1 }]);
      await wait(4500);
      assert.equal((await store.get('host'))?.value, 1);
      assert.equal(lease.lost.aborted, false);
      await lease[Symbol.asyncDispose]();
      assert.deepEqual((await store.list('')).entries.map(({ key }) => key), ['stays']);
      const seen = [await events.next(), await events.next(), await events.next()].map(({ value }) => `${value?.key} ${String(value?.value)}`);
      assert.deepEqual(seen, ['host 1', 'stays 1', 'host undefined']);
      assert.equal(lease.lost.aborted, false);
      await rejects(store.commit([{ key: 'host', value: 1, lease }]), 'NOT_FOUND', /lease [0-9a-f]+ is over/);
    });

    it('lets go of a key that is written without it', async () => {
      const lease = await store.openLease(2);
      await store.commit([{ key: 'host', value: 1, lease }]);
      await store.commit([{ key: 'host', value: 2 }]);
      await lease[Symbol.asyncDispose]();
      assert.equal((await store.get('host'))?.value, 2);
    });

    it('lives on for its time when the store is closed, so that the next one can take its keys over', async () => {
      const other = await openEtcdStore({ endpoints: [etcd.url] });
      await other.commit([{ key: 'host', value: 1, lease: await other.openLease(2) }]);
      await other[Symbol.asyncDispose]();
      const lease = await store.openLease(2);
      const before = await store.get('host');
      assert.ok(before);
      await store.commit([{ key: 'host', value: 2, lease, expected: before.revision }]);
      await wait(3500);
      assert.equal((await store.get('host'))?.value, 2);
    });

    it('says so when somebody else has ended it, and a commit with it is refused', async () => {
      const lease = await store.openLease(60);
      const lost = once(lease.lost, 'abort');
      await etcd.ctl('lease', 'revoke', lease.id);
      await rejects(store.commit([{ key: 'host', value: 1, lease }]), 'NOT_FOUND', /its keys are gone: open another one/);
      await lost;
      assert.match(String(lease.lost.reason), /lease [0-9a-f]+ is over/);
      assert.deepEqual((await store.list('')).entries, []);
    });

    it('is lost when this host could not be heard of for too long, and it learns that when it can', async () => {
      await using proxy = await CuttingProxy.start(etcd.port);
      await using host = await openEtcdStore({ endpoints: [proxy.url], requestTimeout: 500 });
      const lease = await host.openLease(2);
      await host.commit([{ key: 'host', value: 1, lease }]);
      proxy.mode = 'hold';
      assert.equal(await eventually(() => store.get('host'), (entry) => entry === undefined), undefined);
      assert.equal(lease.lost.aborted, false);
      assert.equal(host.health.isReachable, false);
      const lost = once(lease.lost, 'abort');
      const back = performance.now();
      proxy.mode = 'through';
      await lost;
      assert.ok(performance.now() - back < 4000);
      const next = await host.openLease(2);
      await host.commit([{ key: 'host', value: 2, lease: next, expected: 0 }]);
    });

    it('survives servers that were away: the time begins anew', async () => {
      const lease = await store.openLease(2);
      await store.commit([{ key: 'host', value: 1, lease }]);
      await etcd.kill();
      await wait(4000);
      await etcd.start();
      await wait(2500);
      assert.equal((await store.get('host'))?.value, 1);
      assert.equal(lease.lost.aborted, false);
    });

    it('is lost when the process was stopped for too long, and is opened again', async () => {
      const child = spawn(process.execPath, [CHILD, etcd.url, '2'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      try {
        assert.equal((await lines.next()).value, 'bound');
        child.kill('SIGSTOP');
        assert.equal(await eventually(() => store.get('host'), (entry) => entry === undefined), undefined);
        child.kill('SIGCONT');
        assert.match((await lines.next()).value ?? '', /is over/);
        assert.equal((await lines.next()).value, 'bound');
        assert.equal((await store.get('host'))?.value, child.pid);
      } finally {
        child.kill('SIGKILL');
      }
    });

    it('cannot be had for no time, or for ever', async () => {
      for (const seconds of [0, -1, 1, 2.5, NaN]) await rejects(store.openLease(seconds), 'INVALID', /whole seconds from 2 up/);
      await rejects(store.openLease(1e12), 'INVALID', /grants no lease that long/);
      await assert.rejects(store.openLease(2, { signal: AbortSignal.abort() }));
      const foreign = { id: 'x', seconds: 2, lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} };
      await rejects(store.commit([{ key: 'a', value: 1, lease: foreign }]), 'INVALID', /none of this store/);
    });
  });
});
