import type { ClusterParts } from '../cluster/cluster.ts';
import type { Peers } from '../cluster/static/peers.ts';
import { peerRecord } from '../cluster/static/peers-entries.ts';
import { changeOf, readPeers } from '../cluster/static/read-peers.ts';
import { StaticStore } from '../cluster/static/static-store.ts';
import { canonicalAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Store } from '../store/store.ts';
import { MEMBERSHIP_KEY, STATIC_CLUSTER, type MembershipRecord } from './records.ts';
import { underlayOf } from './underlay.ts';

/** Where a cluster stands, and which of its hosts this one is. */
export interface StaticOptions {
  /** Path of the file. */
  readonly file: string;
  /** Plain address of this host there. Default: the one of its own that stands in the file. */
  readonly advertise?: string;
}

/**
 * Opens a cluster that stands in a file, which is read now; whether it is still the same is looked at when somebody asks what is wrong.
 * @param known the cluster that this host was in before
 * @throws {NetworkError} FORBIDDEN for a host of an etcd cluster, INVALID where this host is none of the file's, and as {@link readPeers}
 */
export async function openStaticCluster(kernel: Kernel, store: Store, { file, advertise }: StaticOptions, known: MembershipRecord | undefined): Promise<ClusterParts & AsyncDisposable> {
  if (known !== undefined && known.clusterId !== STATIC_CLUSTER) throw new NetworkError('FORBIDDEN', `this host is part of etcd cluster ${known.clusterId}, not of one that stands in a file: correct --cluster, or use another --state-dir`);
  const peers = readPeers(file);
  const { address, mtu, link } = await underlayOf(kernel, store.instanceId, (own) => addressOf(peers, own, advertise));
  const [name = ''] = [...peers.hosts].find(([, one]) => one === address) ?? [];
  if (mtu < peers.mtu) throw new NetworkError('INVALID', `${file}: packets between hosts may have ${String(peers.mtu)} bytes there, and those of this host's link ${quote(link)} ${String(mtu)}: write mtu: ${String(mtu)} into the file, on every host`);
  const shared = await StaticStore.open(peers, name);
  const membership: MembershipRecord = { clusterId: STATIC_CLUSTER, instanceId: '', address };
  await store.commit([{ key: MEMBERSHIP_KEY, value: membership }]);
  const host = peerRecord(peers, name);
  return { store: shared, host: () => host, file, problem: () => changeOf(peers), [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose]() };
}

function addressOf({ file, hosts }: Peers, own: readonly string[], advertise: string | undefined): string {
  const there = [...hosts].map(([name, address]) => `${name} ${address}`).join(', ');
  if (advertise !== undefined) {
    const wanted = canonicalAddress(advertise);
    if ([...hosts.values()].includes(wanted)) return wanted;
    throw new NetworkError('INVALID', `${file}: no host there has the address ${wanted} of --advertise: there are ${there}`);
  }
  const [first, second] = [...hosts.values()].filter((address) => own.includes(address));
  if (first === undefined) throw new NetworkError('INVALID', `${file}: this host is not there: it has ${own.join(', ')}, and the file ${there}; add it, or correct its address`);
  if (second !== undefined) throw new NetworkError('INVALID', `${file}: this host has ${first} and ${second}, which are two hosts there: say which it is with --advertise, or correct one of them`);
  return first;
}
