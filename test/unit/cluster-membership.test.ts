import { hostKey } from '../../src/cluster/keys.ts';
import { Membership } from '../../src/cluster/membership.ts';
import { Mirror } from '../../src/cluster/mirror.ts';
import type { HostRecord } from '../../src/cluster/records.ts';
import { rejects } from '../support/refusal.ts';
import { SharedMemory, SharedServers } from '../support/shared-memory.ts';

const SELF: HostRecord = { id: '00000001', name: 'one', address: '192.0.2.1', mtu: 1500, reaches: [] };

describe('the place of a host in the cluster', () => {
  let store: SharedMemory;
  let mirror: Mirror;
  let membership: Membership;

  beforeEach(() => {
    store = new SharedMemory(new SharedServers());
    mirror = new Mirror(store, { follow: () => {}, lost: () => {}, found: () => {} });
    membership = new Membership(store, mirror, () => SELF, { joined: () => {}, refused: () => {} });
  });

  afterEach(() => mirror[Symbol.asyncDispose]());

  it('is not taken from another host with the same id', async () => {
    await store.commit([{ key: hostKey(SELF.id), value: { ...SELF, name: 'copy', address: '192.0.2.2' } }]);
    await rejects(membership.join(new AbortController().signal), 'IN_USE', /^host 'copy' at 192\.0\.2\.2 has the id 00000001 of this one/);
  });

  for (const value of [null, {}, 'nonsense', { ...SELF, address: '192.0.2.2\u001b[2J' }]) {
    it(`is taken where ${JSON.stringify(value)} stands in it, which is no host`, async () => {
      await store.commit([{ key: hostKey(SELF.id), value }]);
      await membership.join(new AbortController().signal);
    });
  }
});
