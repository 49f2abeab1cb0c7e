/**
 * A host of a cluster in another process: `etcd-child.ts URL SECONDS` keeps key `host` bound to a lease and says `bound`
 * whenever it has bound it, and what its lease said when it was lost.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';

const [url = '', seconds = ''] = process.argv.slice(2);
const store = await openEtcdStore({ endpoints: [url] });
for (;;) {
  const lease = await store.openLease(Number(seconds));
  await store.commit([{ key: 'host', value: process.pid, lease }]);
  writeSync(1, 'bound\n');
  await once(lease.lost, 'abort');
  writeSync(1, `${lease.lost.reason instanceof Error ? lease.lost.reason.message : 'lost'}\n`);
}
