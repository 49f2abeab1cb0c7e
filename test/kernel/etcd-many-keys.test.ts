import assert from 'node:assert/strict';
import { Cluster } from '../../src/cluster/cluster.ts';
import { endpointKey } from '../../src/cluster/keys.ts';
import type { HostRecord, SharedEndpoint, SharedNetwork } from '../../src/cluster/records.ts';
import { formatCidr, parseCidr } from '../../src/common/cidr.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import type { SharedStore } from '../../src/store/shared-store.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

/** More than one transaction of etcd takes. */
const MANY = 150;

const NETWORK: SharedNetwork = {
  id: 'a'.repeat(64), name: 'blue', vni: 77, mtu: 1450, internal: false, ipv4: [{ subnet: '10.0.0.0/12', gateway: '10.0.0.1', auxiliary: {} }], ipv6: [], options: {}, labels: {}, created: '',
};

/** A host as the others see it. */
class Host implements AsyncDisposable {
  readonly record: HostRecord;
  readonly cluster: Cluster;
  readonly #store: SharedStore;

  private constructor(store: SharedStore, number: number) {
    this.record = { id: `0000000${String(number)}`, name: `h${String(number)}`, address: `192.0.2.${String(number)}`, mtu: 1500, reaches: [] };
    this.cluster = new Cluster({ store, host: () => this.record }, { follow: () => {}, reachable: () => {}, report: () => {} });
    this.#store = store;
  }

  static async start(url: string, number: number): Promise<Host> {
    const host = new Host(await openEtcdStore({ endpoints: [url] }), number);
    host.cluster.start();
    await eventually(async () => host.cluster.directory.hosts.has(host.record.id), Boolean);
    return host;
  }

  async borrow(count: number): Promise<string[]> {
    const blocks: string[] = [];
    for (let number = 0; number < count; number += 1) {
      const block = await this.cluster.borrowBlock({ networkId: NETWORK.id, subnet: parseCidr('10.0.0.0/12') });
      blocks.push(block === undefined ? '' : formatCidr(block));
    }
    return blocks;
  }

  tell(count: number): void {
    const endpoints = Array.from({ length: count }, (_, number): SharedEndpoint => {
      const id = `${this.record.id}${String(number)}`.padStart(64, '0');
      return { id, networkId: NETWORK.id, hostId: this.record.id, mac: '02:00:00:00:00:01', ipv4: '10.0.0.2/12', names: ['web'], services: [] };
    });
    this.cluster.tell(new Map(endpoints.map((one) => [endpointKey(NETWORK.id, one.id), one])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}

inPrivateNamespace(import.meta.filename, () => {
  let etcd: Etcd;
  let store: SharedStore;
  let one: Host;
  let two: Host;

  before(function () {
    needEtcd(this);
  });

  beforeEach(async () => {
    etcd = await Etcd.start();
    store = await openEtcdStore({ endpoints: [etcd.url] });
    [one, two] = [await Host.start(etcd.url, 1), await Host.start(etcd.url, 2)];
    await one.cluster.shareNetwork(NETWORK);
    await two.cluster.catchUp();
  });

  afterEach(async () => {
    for (const part of [one, two, store, etcd]) await part[Symbol.asyncDispose]();
  });

  const keys = async (prefix: string): Promise<string[]> => (await store.list(prefix)).entries.map(({ key }) => key);
  const none = async (prefix: string): Promise<void> => assert.deepEqual(await eventually(() => keys(prefix), ({ length }) => length === 0), []);

  describe('a host with more than one transaction of etcd takes', () => {
    it('tells of all its endpoints, and gives all its blocks back', async () => {
      one.tell(MANY);
      assert.equal((await eventually(() => keys('endpoint/'), ({ length }) => length === MANY)).length, MANY);
      const blocks = await one.borrow(MANY);
      assert.equal(new Set(blocks).size, MANY);
      await one.cluster.returnBlocks(NETWORK.id, blocks);
      await none('block/');
    });

    it('removes a network, and leaves nothing of it', async () => {
      await one.borrow(MANY);
      await one.cluster.unshareNetwork(NETWORK.id);
      for (const prefix of ['network/', 'name/', 'vni/', 'lending/', 'block/']) await none(prefix);
    });

    it('keeps a network in which another one takes a block meanwhile', async () => {
      await one.borrow(MANY);
      const [removed] = await Promise.allSettled([one.cluster.unshareNetwork(NETWORK.id), two.borrow(1)]);
      if (removed.status === 'rejected') assert.equal((await keys('block/')).length, MANY + 1);
      else await none('block/');
      assert.equal((await keys('network/')).length, removed.status === 'rejected' ? 1 : 0);
    });

    it('is forgotten with everything it had, when it is lost', async () => {
      two.tell(MANY);
      await two.borrow(MANY);
      await two.cluster.joinNetwork(NETWORK.id);
      await eventually(() => keys('endpoint/'), ({ length }) => length === MANY);
      await rejects(one.cluster.forgetHost('h2'), 'IN_USE', /host 'h2' \(00000002\) is there/);
      await two[Symbol.asyncDispose]();
      // What its lease leaves behind when it is over.
      await store.commit([{ key: 'host/00000002' }, { key: 'address/192.0.2.2' }]);
      await eventually(async () => one.cluster.lostHosts(), ({ length }) => length === 1);
      await one.cluster.forgetHost('00000002');
      for (const prefix of ['endpoint/', 'block/', 'joined/']) await none(prefix);
      assert.deepEqual(await eventually(async () => one.cluster.lostHosts(), ({ length }) => length === 0), []);
      await one.cluster.unshareNetwork(NETWORK.id);
    });

    it('keeps what it has when it comes back while somebody forgets it', async () => {
      await two.borrow(MANY);
      await two[Symbol.asyncDispose]();
      await store.commit([{ key: 'host/00000002' }, { key: 'address/192.0.2.2' }]);
      await eventually(async () => one.cluster.lostHosts(), ({ length }) => length === 1);
      const forgetting = Promise.allSettled([one.cluster.forgetHost('00000002')]);
      two = await Host.start(etcd.url, 2);
      const [outcome] = await forgetting;
      const left = await keys('block/');
      // What is left is whole transactions, and none of them goes once it is there.
      if (outcome.status === 'rejected') assert.ok(left.length === MANY || left.length === MANY - 100, `${String(left.length)} blocks`);
      else assert.deepEqual(left, []);
      await rejects(one.cluster.forgetHost('00000002'), 'IN_USE');
      assert.deepEqual(await keys('block/'), left);
    });
  });
});
