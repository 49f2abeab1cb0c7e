import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RemoteEndpoint } from '../../drivers/driver.ts';
import { OverlayNetwork } from '../../drivers/overlay/overlay-network.ts';
import { Directory } from '../../src/cluster/directory.ts';
import { endpointKey } from '../../src/cluster/keys.ts';
import type { HostRecord, SharedEndpoint } from '../../src/cluster/records.ts';
import { ClusterReach } from '../../src/controller/cluster-reach.ts';
import type { Ends } from '../../src/controller/cluster-tunnel.ts';
import { RemoteEndpoints } from '../../src/controller/remote-endpoints.ts';
import { tableChanges } from '../../src/controller/table-changes.ts';
import { FLOOD_MAC } from '../../src/kernel/forwarding-state.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import type { Op } from '../../src/kernel/op.ts';

const NETWORK = 'a'.repeat(64);
const SELF = { id: '00000000', address: '192.0.2.1' };
const ENDS: Ends = { local: SELF.address, of: ({ address }) => address };

type Step =
  | { readonly kind: 'put'; readonly id: number; readonly host: number; readonly mac: number; readonly ipv4: number; readonly ipv6: number; readonly name: number }
  | { readonly kind: 'delete'; readonly id: number }
  | { readonly kind: 'host'; readonly host: number; readonly address: number | undefined };

const few = fc.integer({ min: 0, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), id: fc.integer({ min: 0, max: 9 }), host: fc.integer({ min: 0, max: 3 }), mac: few, ipv4: few, ipv6: few, name: few }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: fc.integer({ min: 0, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('host' as const), host: fc.integer({ min: 1, max: 3 }), address: fc.option(few, { nil: undefined }) }) },
);

describe('what a network has on other hosts', () => {
  it('is the same however it became so, in tables and names', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 30 }), (batches) => {
        const directory = new Directory();
        const hosts = new Map<string, HostRecord>();
        const followed = new ClusterReach(directory, hosts);
        const names = new RemoteEndpoints(new Set());
        const entries = new Map<string, string>();
        let applied: readonly LinkState[] = [];
        for (const batch of batches) {
          const touched = batch.flatMap((one) => take(directory, hosts, one));
          const { reach, named } = followed.follow(NETWORK, touched, SELF.id, ENDS, () => true);
          names.set(NETWORK, reach, named);
          // What the planner makes of versions of lists has to lead where the lists themselves are.
          const { links } = network().wanted(reach);
          const { gone, come } = tableChanges(links.map((wanted, at) => ({ wanted, actual: applied[at] })));
          for (const op of gone) entries.delete(placeOf(op));
          for (const op of come) entries.set(placeOf(op), JSON.stringify(op));
          applied = links;
        }
        const anew = new ClusterReach(directory, hosts).follow(NETWORK, [], SELF.id, ENDS, () => true);
        const { reach } = followed.follow(NETWORK, [], SELF.id, ENDS, () => true);
        assert.deepEqual(sorted(reach.others?.endpoints ?? []), sorted(anew.reach.others?.endpoints ?? []));
        assert.deepEqual(sorted(reach.others?.endpoints ?? []), sorted(latest(directory, hosts)));
        assert.deepEqual(new Set(reach.others?.hosts), new Set(reach.others?.endpoints.map(({ host }) => host)));
        assert.deepEqual(sorted(names.ofNetwork(NETWORK)), sorted(anew.named.come));
        const fresh = tableChanges(network().wanted(anew.reach).links.map((wanted) => ({ wanted, actual: undefined }))).come;
        assert.deepEqual(entries, new Map(fresh.map((op) => [placeOf(op), JSON.stringify(op)])));
      }),
    );
  });
});

let revision = 0;

/** @returns ids of the endpoints that it concerns */
function take(directory: Directory, hosts: Map<string, HostRecord>, one: Step): string[] {
  revision += 1;
  if (one.kind === 'host') {
    const id = hostId(one.host);
    if (one.address === undefined) hosts.delete(id);
    else hosts.set(id, { id, name: id, address: `192.0.2.${String(10 + one.address)}`, mtu: 1500, reaches: [] });
    return [...(directory.endpointsOfHost.get(id)?.values() ?? [])].map((endpoint) => endpoint.id);
  }
  const id = String(one.id).padStart(64, '0');
  const value: SharedEndpoint | undefined =
    one.kind === 'delete'
      ? undefined
      : { id, networkId: NETWORK, hostId: hostId(one.host), mac: `02:00:00:00:00:0${String(one.mac)}`, ipv4: `10.0.0.${String(2 + one.ipv4)}/24`, ipv6: `fd00::${String(2 + one.ipv6)}/64`, names: [`n${String(one.name)}`], services: [] };
  directory.take(revision, [{ key: endpointKey(NETWORK, id), value, revision }]);
  return [id];
}

/** One for each MAC, and each address at one of them: whoever said so last. */
function latest(directory: Directory, hosts: ReadonlyMap<string, HostRecord>): RemoteEndpoint[] {
  const all = [...(directory.endpoints.get(NETWORK)?.values() ?? [])].filter(({ record }) => record.hostId !== SELF.id && hosts.has(record.hostId)).toSorted((a, b) => a.revision - b.revision);
  const addresses = ({ ipv4 = '', ipv6 = '' }: SharedEndpoint): string[] => [ipv4, ipv6].map((one) => one.split('/')[0] ?? '');
  const macOf = new Map(all.flatMap(({ record }) => addresses(record).map((address) => [address, record.mac] as const)));
  return [...new Map(all.map(({ record }) => [record.mac, record])).values()].map((record) => ({
    mac: record.mac,
    addresses: addresses(record).filter((address) => macOf.get(address) === record.mac),
    host: hosts.get(record.hostId)?.address ?? '',
  }));
}

function hostId(number: number): string {
  return `0000000${String(number)}`;
}

function network(): OverlayNetwork {
  const subnet = { subnet: '10.0.0.0/24', gateway: '10.0.0.1', auxiliary: {} };
  return new OverlayNetwork({ id: NETWORK, name: 'blue', options: {}, internal: false, ipv4: [subnet], ipv6: [], settled: { vni: '7', mtu: '1450' } }, () => 'ours', 'ours');
}

/** Of two entries in one place the later one stands. */
function placeOf(op: Op): string {
  if (op.op === 'neighbour-add' || op.op === 'neighbour-delete') return `${op.link} ${op.address}`;
  assert.ok(op.op === 'fdb-add' || op.op === 'fdb-delete');
  const among = 'master' in op ? 'bridge' : op.mac === FLOOD_MAC ? op.destination : '';
  return `${op.link} ${op.mac} ${among}`;
}

function sorted(list: readonly object[]): string[] {
  return list.map((one) => JSON.stringify(one)).toSorted();
}
