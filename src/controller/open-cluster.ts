import { hostname } from 'node:os';
import type { ClusterParts } from '../cluster/cluster.ts';
import { canonicalAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { requireKeyFile } from '../kernel/wireguard-key.ts';
import { openEtcdStore } from '../store/etcd/open-etcd-store.ts';
import type { EtcdOptions } from '../store/etcd/options.ts';
import type { Store } from '../store/store.ts';
import { MEMBERSHIP_KEY, STATIC_CLUSTER, type MembershipRecord, type NetworkRecord } from './records.ts';
import { underlayOf } from './underlay.ts';

/** UDP, at which hosts take what is encrypted: not one that the kernel lends to programs, as it may those of `wg` itself. */
const TUNNEL_PORT = 4795;

/** Which cluster this host is in. */
export type ClusterOptions = {
  /** Plain address at which the other hosts reach this one. Default: that of the link with the default route, or the one that stands in the file. */
  readonly advertise?: string;
} & (
  | { readonly etcd: EtcdOptions }
  | {
      /** Path of a file of hosts and their blocks, where there is no etcd. */
      readonly file: string;
    }
);

/**
 * Opens the cluster's store. A host that was in it before needs no server to answer.
 * @param keyFile path of this host's private key; made where there is none
 * @throws {NetworkError} INVALID (advertise), FORBIDDEN (another cluster than before, a key that others may read), UNAVAILABLE, and what is wrong with a file
 */
export async function openCluster(kernel: Kernel, store: Store, options: ClusterOptions, keyFile: string): Promise<ClusterParts & AsyncDisposable> {
  const known = (await store.get(MEMBERSHIP_KEY))?.value as MembershipRecord | undefined;
  if ('file' in options) {
    // Who has etcd needs no YAML.
    const { openStaticCluster } = await import('./open-static-cluster.ts');
    return openStaticCluster(kernel, store, options, known);
  }
  const { etcd, advertise } = options;
  if (known?.clusterId === STATIC_CLUSTER) throw new NetworkError('FORBIDDEN', 'this host is part of a cluster that stands in a file, not of one with etcd: correct --cluster, or use another --state-dir');
  if (known !== undefined && etcd.cluster !== undefined && etcd.cluster.toLowerCase().padStart(16, '0') !== known.clusterId) {
    throw new NetworkError('FORBIDDEN', `this host is part of cluster ${known.clusterId}, not of ${etcd.cluster}: correct --cluster, or use another --state-dir`);
  }
  const { address, mtu, reaches } = await underlayOf(kernel, store.instanceId, (_own, [first]) => (advertise === undefined ? first : canonicalAddress(advertise)));
  const wireguard = { publicKey: requireKeyFile(keyFile), port: TUNNEL_PORT };
  const shared = await openEtcdStore({ ...etcd, ...(known === undefined ? {} : { cluster: known.clusterId, instance: known.instanceId }) });
  const membership: MembershipRecord = { clusterId: shared.clusterId, instanceId: shared.instanceId, address, tunnel: { keyFile, ...wireguard, mtu } };
  await store.commit([{ key: MEMBERSHIP_KEY, value: membership }]);
  const encrypts = (await kernel.knownLinkKinds(['wireguard'])).length > 0;
  const host = { id: store.instanceId, name: hostname(), address, mtu, reaches, ...(encrypts ? { wireguard } : {}) };
  return { store: shared, host: () => host, [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose]() };
}

/** @throws {NetworkError} UNAVAILABLE where networks of a cluster are, of which only a daemon with `--cluster` knows what is on other hosts */
export async function requireNoCluster(store: Store): Promise<void> {
  const { entries } = await store.list('network/');
  const spanning = entries.map(({ value }) => value as NetworkRecord).find(({ cluster }) => cluster !== undefined);
  if (spanning === undefined) return;
  throw new NetworkError('UNAVAILABLE', `network ${quote(spanning.name)} of this host is of a cluster: start the daemon as it was started before, 'netctl daemon --cluster URL' ('netctl daemon' alone does without the other hosts)`);
}
