/** Hosts that are gone for ever, and what they have left in the store. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import { chunked } from './chunks.ts';
import { commitSeen } from './commit-seen.ts';
import type { Directory } from './directory.ts';
import { blockKey, claimKey, hostKey, joinedKey, lendingKey } from './keys.ts';
import { lendingChange } from './lending.ts';
import type { Mirror } from './mirror.ts';

/** Ids of hosts that are not there and have endpoints or addresses. */
export function lostHosts(directory: Directory): string[] {
  const blocks = [...directory.blocks.values()].flatMap((members) => [...members.values()].map(({ record }) => record.hostId));
  const claims = [...directory.claims.values()].map(({ record }) => record.hostId);
  const joined = [...directory.joined.values()].flatMap((members) => [...members.keys()]);
  return [...new Set([...directory.endpointsOfHost.keys(), ...blocks, ...claims, ...joined])].filter((id) => !directory.hosts.has(id));
}

/**
 * Gives up what a lost host had: its endpoints, and its right to give addresses. It must not come back with what it had.
 * @param reference its id
 * @throws {NetworkError} NOT_FOUND, IN_USE for a host that is there, UNAVAILABLE
 */
export async function forgetHost(store: SharedStore, mirror: Mirror, reference: string): Promise<void> {
  const { directory } = mirror;
  refusePresent(directory, reference);
  const lost = lostHosts(directory);
  if (!lost.includes(reference)) throw new NetworkError('NOT_FOUND', `no lost host ${quote(reference)}: ${lost.length === 0 ? 'none is lost' : `lost are ${lost.join(', ')}`}`);
  // Whoever comes back meanwhile has what is left.
  const remove = (keys: readonly string[], networkId?: string): Promise<void> => {
    const decide = (): Change[] => {
      refusePresent(directory, reference);
      // Whoever counts on who has what looks again.
      const witness = networkId !== undefined && directory.networks.has(networkId) ? [lendingChange(directory, networkId, reference)] : [];
      return [...keys.map((key): Change => ({ key })), ...witness];
    };
    const witnesses = [hostKey(reference), ...(networkId === undefined ? [] : [lendingKey(networkId)])];
    return commitSeen(store, mirror, { witnesses, decide, checks: [{ key: hostKey(reference), expected: 0 }] });
  };
  // Endpoints first: their addresses are nobody's before they are free.
  for (const keys of chunked([...(directory.endpointsOfHost.get(reference)?.keys() ?? [])])) await remove(keys);
  for (const [networkId, keys] of addressesOf(directory, reference)) for (const part of chunked(keys)) await remove(part, networkId);
}

/** @throws {NetworkError} IN_USE for a host that is there */
function refusePresent(directory: Directory, reference: string): void {
  const there = [...directory.hosts.values()].find(({ id, name }) => id === reference || name === reference);
  if (there !== undefined) throw new NetworkError('IN_USE', `host ${quote(there.name)} (${there.id}) is there: stop its daemon first`);
}

/** Keys that give a host a right to a network or its addresses, by network. */
function addressesOf({ claims, blocks, joined }: Directory, hostId: string): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  const add = (networkId: string, key: string): void => void keys.set(networkId, [...(keys.get(networkId) ?? []), key]);
  for (const { record } of claims.values()) if (record.hostId === hostId) add(record.networkId, claimKey(record.networkId, record.address));
  for (const [id, members] of blocks) for (const { record } of members.values()) if (record.hostId === hostId) add(id, blockKey(id, record.block));
  for (const [id, members] of joined) if (members.has(hostId)) add(id, joinedKey(id, hostId));
  return keys;
}
