import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { describeStore } from '../compliance/store.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';

inPrivateNamespace(import.meta.filename, () => {
  let etcd: Etcd;

  before(async function () {
    needEtcd(this);
    etcd = await Etcd.start({ flags: ['--max-txn-ops=2000'] });
  });

  after(() => etcd?.[Symbol.asyncDispose]());

  describeStore({
    name: 'EtcdStore',
    open: (folder) => openEtcdStore({ endpoints: [etcd.url], prefix: `${folder}/` }),
    forget: async (store) => {
      const revision = await store.commit([{ key: 'b', value: 1 }]);
      await etcd.ctl('compaction', String(revision));
    },
  });
});
