import assert from 'node:assert/strict';
import { systemClock } from '../../src/store/etcd/clock.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';

inPrivateNamespace(import.meta.filename, () => {
  before(function () {
    needEtcd(this);
  });

  it('the clock of a server is compared with that of this host at every answer, and said to be wrong while it is', async () => {
    await using etcd = await Etcd.start();
    let late = 42_000;
    await using store = await openEtcdStore({ endpoints: [etcd.url] }, undefined, { clock: { ...systemClock, wall: () => Date.now() - late }, random: Math.random });
    const { server, ahead } = store.skew ?? { server: '', ahead: 0 };
    assert.equal(server, `etcd at ${etcd.url}`);
    assert.ok(Math.abs(ahead - late) < 2_000, String(ahead));
    const heard: (number | undefined)[] = [];
    store.onSkew((skew) => heard.push(skew?.ahead));
    late = 0;
    await store.commit([{ key: 'a', value: 1 }]);
    assert.deepEqual([store.skew, heard], [undefined, [undefined]]);
  });
});
