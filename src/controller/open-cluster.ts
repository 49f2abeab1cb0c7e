import { hostname } from 'node:os';
import type { ClusterParts } from '../cluster/cluster.ts';
import { canonicalAddress } from '../common/address.ts';
import { formatCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { HOST } from '../kernel/op.ts';
import { openEtcdStore } from '../store/etcd/open-etcd-store.ts';
import type { EtcdOptions } from '../store/etcd/options.ts';
import type { Store } from '../store/store.ts';
import { hostRoutes } from './host-routes.ts';
import { MEMBERSHIP_KEY, type MembershipRecord } from './records.ts';

/** Which cluster this host is in. */
export interface ClusterOptions {
  readonly etcd: EtcdOptions;
  /** Plain address at which the other hosts reach this one. Default: that of the link with the default route. */
  readonly advertise?: string;
}

/**
 * Opens the cluster's store. A host that was in it before needs no server to answer.
 * @throws {NetworkError} INVALID (advertise), FORBIDDEN (another cluster than before), UNAVAILABLE
 */
export async function openCluster(kernel: Kernel, store: Store, { etcd, advertise }: ClusterOptions): Promise<ClusterParts & AsyncDisposable> {
  const known = (await store.get(MEMBERSHIP_KEY))?.value as MembershipRecord | undefined;
  if (known !== undefined && etcd.cluster !== undefined && etcd.cluster.toLowerCase().padStart(16, '0') !== known.clusterId) {
    throw new NetworkError('FORBIDDEN', `this host is part of cluster ${known.clusterId}, not of ${etcd.cluster}: correct --cluster, or use another --state-dir`);
  }
  const underlay = await underlayOf(kernel, store.instanceId, advertise);
  const shared = await openEtcdStore({ ...etcd, ...(known === undefined ? {} : { cluster: known.clusterId, instance: known.instanceId }) });
  const membership: MembershipRecord = { clusterId: shared.clusterId, instanceId: shared.instanceId, address: underlay.address };
  await store.commit([{ key: MEMBERSHIP_KEY, value: membership }]);
  const host = { id: store.instanceId, name: hostname(), ...underlay };
  return { store: shared, host: () => host, [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose]() };
}

/** What this host is in the network that lies below. */
interface Underlay {
  readonly address: string;
  readonly mtu: number;
  readonly reaches: readonly string[];
}

async function underlayOf(kernel: Kernel, instance: string, advertise: string | undefined): Promise<Underlay> {
  const [host] = await kernel.snapshot([HOST]);
  const links = host?.links ?? [];
  const own = (link: (typeof links)[number]): string[] => link.addresses.map((address) => address.split('/')[0] ?? '');
  const uplink = host?.routes.find(({ destination }) => destination === '0.0.0.0/0') ?? host?.routes.find(({ destination }) => destination === '::/0');
  const wanted = advertise === undefined ? undefined : canonicalAddress(advertise);
  const link = wanted === undefined ? links.find(({ index }) => index === uplink?.linkIndex) : links.find((one) => own(one).includes(wanted));
  const address = wanted ?? (link === undefined ? undefined : own(link)[0]);
  if (address === undefined) throw new NetworkError('INVALID', 'this host has no default route, so its address among the others is not known: name it with --advertise ADDRESS');
  if (link === undefined) throw new NetworkError('INVALID', `address ${address} is on no interface of this host, which has ${links.flatMap(own).join(', ')}: name one of them with --advertise`);
  return { address, mtu: link.mtu, reaches: hostRoutes(instance, host).onLink.map(formatCidr) };
}
