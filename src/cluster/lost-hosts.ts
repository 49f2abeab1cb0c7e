/** Hosts that are gone for ever, and what they have left in the store. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import type { Directory } from './directory.ts';
import { blockKey, claimKey, joinedKey, lendingKey } from './keys.ts';
import type { Mirror } from './mirror.ts';

/** etcd takes 128 operations in one transaction unless it is told otherwise (`--max-txn-ops`). */
const MOST_CHANGES = 100;

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
export async function forgetHost(store: SharedStore, { directory }: Mirror, reference: string): Promise<void> {
  const there = [...directory.hosts.values()].find(({ id, name }) => id === reference || name === reference);
  if (there !== undefined) throw new NetworkError('IN_USE', `host ${quote(there.name)} (${there.id}) is there: stop its daemon first`);
  const lost = lostHosts(directory);
  if (!lost.includes(reference)) throw new NetworkError('NOT_FOUND', `no lost host ${quote(reference)}: ${lost.length === 0 ? 'none is lost' : `lost are ${lost.join(', ')}`}`);
  const endpoints = [...(directory.endpointsOfHost.get(reference)?.keys() ?? [])].map((key): Change => ({ key }));
  const claims = [...directory.claims.values()].filter(({ record }) => record.hostId === reference).map(({ record }): Change => ({ key: claimKey(record.networkId, record.address) }));
  const blocks = [...directory.blocks].flatMap(([networkId, members]) => {
    const theirs = [...members.values()].filter(({ record }) => record.hostId === reference);
    // Whoever counts on who has what looks again.
    return theirs.length === 0 ? [] : [{ key: lendingKey(networkId), value: reference }, ...theirs.map(({ record }): Change => ({ key: blockKey(networkId, record.block) }))];
  });
  const joined = [...directory.joined].flatMap(([networkId, members]): Change[] => (members.has(reference) ? [{ key: lendingKey(networkId), value: reference }, { key: joinedKey(networkId, reference) }] : []));
  // Endpoints first: their addresses are nobody's before they are free.
  const all = [...endpoints, ...claims, ...blocks, ...joined];
  for (let index = 0; index < all.length; index += MOST_CHANGES) await store.commit(all.slice(index, index + MOST_CHANGES));
}
