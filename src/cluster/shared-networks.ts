/** Networks of the cluster: there on every host, or on none. */
import { overlaps, parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import { chunked } from './chunks.ts';
import { commitSeen } from './commit-seen.ts';
import type { Directory } from './directory.ts';
import { blockKey, lendingKey, nameKey, networkKey, SUBNETS_KEY, vniKey } from './keys.ts';
import type { Mirror } from './mirror.ts';
import type { SharedNetwork } from './records.ts';

/**
 * Makes a network known to every host.
 * @throws {NetworkError} EXISTS (name or VNI taken), IN_USE (subnet), UNAVAILABLE, ABORTED
 */
export function shareNetwork(store: SharedStore, mirror: Mirror, network: SharedNetwork, signal?: AbortSignal): Promise<void> {
  const { directory } = mirror;
  const { id, name, vni } = network;
  const decide = (): Change[] => {
    // Written by an attempt whose answer was lost.
    if (directory.networks.has(id)) return [];
    refuseTaken(directory, network);
    return [
      { key: networkKey(id), value: network, expected: 0 },
      { key: nameKey(name), value: id, expected: 0 },
      { key: vniKey(vni), value: id, expected: 0 },
      { key: lendingKey(id), value: '', expected: 0 },
      { key: SUBNETS_KEY, value: id, expected: directory.revisionOf(SUBNETS_KEY) },
    ];
  };
  return commitSeen(store, mirror, { witnesses: [SUBNETS_KEY], decide }, signal);
}

/**
 * Takes a network away from every host. Nothing happens where it is gone already.
 * @param self id of this host, whose own blocks go with it
 * @throws {NetworkError} IN_USE naming the hosts that have addresses of it, UNAVAILABLE, ABORTED
 */
export async function unshareNetwork(store: SharedStore, mirror: Mirror, id: string, self: string, signal?: AbortSignal): Promise<void> {
  const { directory } = mirror;
  const decide = (): Change[] => {
    const network = directory.networks.get(id);
    if (network === undefined) return [];
    refuseUsed(directory, network, self);
    return [
      { key: networkKey(id) },
      { key: nameKey(network.name) },
      { key: vniKey(network.vni) },
      // Written with every block and claim that comes or goes: those that were looked at are all there are.
      { key: lendingKey(id), expected: directory.revisionOf(lendingKey(id)) },
      { key: SUBNETS_KEY, value: id, expected: directory.revisionOf(SUBNETS_KEY) },
    ];
  };
  await commitSeen(store, mirror, { witnesses: [SUBNETS_KEY, lendingKey(id)], decide }, signal);
  // It is gone whether or not these are: who has them clears them away when it sees them next.
  await clearLeftovers(store, mirror, id, self).catch(() => {});
}

/** Removes blocks and claims that this host has in a network that is gone. @throws {NetworkError} UNAVAILABLE */
export async function clearLeftovers(store: SharedStore, { directory }: Mirror, id: string, self: string): Promise<void> {
  const blocks = [...(directory.blocks.get(id)?.values() ?? [])].flatMap(({ record }) => (record.hostId === self ? [blockKey(id, record.block)] : []));
  const claims = [...directory.claims].flatMap(([key, { record }]) => (record.networkId === id && record.hostId === self ? [key] : []));
  for (const keys of chunked([...blocks, ...claims])) await store.commit(keys.map((key) => ({ key })));
}

/** @throws {NetworkError} IN_USE where other hosts have, or may have, endpoints in it */
function refuseUsed(directory: Directory, { id, name }: SharedNetwork, self: string): void {
  const owners = [...(directory.blocks.get(id)?.values() ?? [])].map(({ record }) => record.hostId).filter((hostId) => hostId !== self);
  const claims = [...directory.claims.values()].flatMap(({ record }) => (record.networkId === id && record.hostId !== self ? [record.hostId] : []));
  const nameOf = (hostId: string): string => directory.hosts.get(hostId)?.name ?? `${hostId} (lost)`;
  const joined = [...(directory.joined.get(id)?.keys() ?? [])].filter((hostId) => hostId !== self).map(nameOf);
  if (joined.length > 0) throw new NetworkError('IN_USE', `network ${quote(name)} is one of the engine’s on ${joined.toSorted().join(', ')}: 'docker network rm' there first; 'netctl cluster forget HOST' gives up what a lost host had`);
  const hosts = new Set([...owners, ...claims].map(nameOf));
  if (hosts.size === 0) return;
  throw new NetworkError('IN_USE', `network ${quote(name)} is in use on ${[...hosts].toSorted().join(', ')}: disconnect its endpoints there first; 'netctl cluster forget HOST' gives up what a lost host had`);
}

/** @throws {NetworkError} EXISTS, IN_USE for what only one network can have */
function refuseTaken({ networks }: Directory, { name, vni, ipv4, ipv6 }: SharedNetwork): void {
  for (const other of networks.values()) {
    if (other.name === name) throw new NetworkError('EXISTS', `network ${quote(name)} exists already in the cluster (id ${other.id.slice(0, 12)}): choose another name or remove it first`);
    if (other.vni === vni) throw new NetworkError('EXISTS', `VNI ${String(vni)} is that of network ${quote(other.name)}: choose another, or none to get a free one`);
    const theirs = [...other.ipv4, ...other.ipv6];
    for (const { subnet } of [...ipv4, ...ipv6]) {
      const taken = theirs.find((one) => overlaps(parseCidr(one.subnet), parseCidr(subnet)));
      if (taken !== undefined) throw new NetworkError('IN_USE', `subnet ${subnet} overlaps ${taken.subnet} of network ${quote(other.name)} of the cluster; choose another, or none to get a free one`);
    }
  }
}
