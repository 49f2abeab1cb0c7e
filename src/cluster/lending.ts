/** Who gives which addresses: each host from blocks of its own, so that no two ever give the same, and each goes on while the store is away. */
import { parseAddress } from '../common/address.ts';
import { contains, formatCidr, parseCidr, type Cidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import { blockAround, freeBlock } from './blocks.ts';
import { chunked } from './chunks.ts';
import { commitSeen } from './commit-seen.ts';
import type { Directory } from './directory.ts';
import { blockKey, claimKey, lendingKey, recallKey } from './keys.ts';
import type { Mirror } from './mirror.ts';
import type { BlockRecord, ClaimRecord, RecallRecord } from './records.ts';

/** What a host works with that takes addresses. */
export interface Lending {
  readonly store: SharedStore;
  readonly mirror: Mirror;
  /** Id of this host. */
  readonly self: string;
}

/** Where a block is to be. */
export interface BlockWish {
  readonly networkId: string;
  readonly subnet: Cidr;
  /** Automatic addresses come from this part of the subnet only. */
  readonly range?: Cidr | undefined;
  /** Plain address that is to be in it. */
  readonly address?: string;
}

/**
 * Takes a block that nobody has.
 * @returns undefined when none is left; with an address, when its block is another host's
 * @throws {NetworkError} NOT_FOUND when the network is gone, UNAVAILABLE, ABORTED
 */
export async function borrowBlock({ store, mirror, self }: Lending, { networkId, subnet, range, address }: BlockWish, signal?: AbortSignal): Promise<Cidr | undefined> {
  let chosen: Cidr | undefined;
  const decide = (): Change[] => {
    const owned = [...(mirror.directory.blocks.get(networkId)?.values() ?? [])].map(({ record }) => parseCidr(record.block));
    chosen = address === undefined ? freeBlock(subnet, owned, range) : freeBlock(subnet, owned, blockAround(subnet, parseAddress(address).value));
    if (chosen === undefined) return [];
    const block = formatCidr(chosen);
    const value: BlockRecord = { networkId, block, hostId: self };
    return [{ key: blockKey(networkId, block), value, expected: 0 }, lendingChange(mirror.directory, networkId, self)];
  };
  await commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
  return chosen;
}

/** Gives blocks back that have no address in use. @throws {NetworkError} UNAVAILABLE, ABORTED */
export async function returnBlocks({ store, mirror, self }: Lending, networkId: string, blocks: readonly string[], signal?: AbortSignal): Promise<void> {
  for (const part of chunked(blocks)) {
    const decide = (): Change[] => {
      const mine = part.flatMap((block): Change[] => {
        const found = mirror.directory.blocks.get(networkId)?.get(block);
        return found?.record.hostId === self ? [{ key: blockKey(networkId, block), expected: found.revision }] : [];
      });
      return mine.length === 0 ? [] : [...mine, lendingChange(mirror.directory, networkId, self)];
    };
    await commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
  }
}

/**
 * Asks for addresses of a network back that other hosts do not need, blocks and single ones, and waits until there are none, or too long.
 * @param patience ms
 * @throws {NetworkError} UNAVAILABLE
 */
export async function recallBlocks({ store, mirror, self }: Lending, networkId: string, patience: number): Promise<void> {
  const others = ({ blocks, claims }: Directory): boolean =>
    [...(blocks.get(networkId)?.values() ?? [])].some(({ record }) => record.hostId !== self) || [...claims.values()].some(({ record }) => record.networkId === networkId && record.hostId !== self);
  if (!others(mirror.directory)) return;
  const value: RecallRecord = { networkId, hostId: self };
  await store.commit([{ key: recallKey(networkId), value }]);
  // Those that need theirs say nothing.
  await mirror.until((directory) => !others(directory), AbortSignal.timeout(patience)).catch(() => {});
  await store.commit([{ key: recallKey(networkId) }]);
}

/**
 * Asks the host in whose block an address is to let this one have it, and waits for what it says.
 * @param patience ms
 * @throws {NetworkError} EXISTS (it is taken), UNAVAILABLE (that host does not answer), NOT_FOUND, ABORTED; nothing is asked for any more then
 */
export async function claimAddress(lending: Lending, networkId: string, address: string, patience: number, signal?: AbortSignal): Promise<void> {
  const { store, mirror, self } = lending;
  const key = claimKey(networkId, address);
  const decide = (): Change[] => {
    const other = mirror.directory.claims.get(key)?.record;
    if (other !== undefined && other.hostId !== self) throw taken(mirror.directory, address, other.hostId);
    const value: ClaimRecord = { networkId, address, hostId: self };
    return other === undefined ? [{ key, value, expected: 0 }, lendingChange(mirror.directory, networkId, self)] : [];
  };
  await commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
  const late = AbortSignal.timeout(patience);
  const enough = signal === undefined ? late : AbortSignal.any([late, signal]);
  const answered = await mirror.until(({ claims }) => claims.get(key)?.record.answer !== undefined, enough).then(() => true, () => false);
  const answer = mirror.directory.claims.get(key)?.record;
  if (answer?.answer === 'granted') return;
  await dropClaim(lending, networkId, address);
  if (answered) throw new NetworkError('EXISTS', `address ${address} is not to be had: ${answer?.reason ?? 'its host refused it'}`);
  if (signal?.aborted === true) throw new NetworkError('ABORTED', `given up while another host was to agree to address ${address}`);
  throw new NetworkError('UNAVAILABLE', `address ${address} is given by host ${ownerName(mirror.directory, networkId, address)}, which has not agreed within ${String(patience / 1000)} s: choose another address, or have that host running`);
}

/** Gives an address back to the host in whose block it is. */
export function dropClaim({ store, mirror, self }: Lending, networkId: string, address: string, signal?: AbortSignal): Promise<void> {
  const key = claimKey(networkId, address);
  const decide = (): Change[] => {
    const claim = mirror.directory.claims.get(key);
    return claim?.record.hostId === self ? [{ key, expected: claim.revision }, lendingChange(mirror.directory, networkId, self)] : [];
  };
  return commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
}

/** Says yes or no to a host that asks for an address of ours. Nothing happens where it does not ask any more. */
export async function answerClaim({ store, mirror }: Lending, key: string, answer: Pick<ClaimRecord, 'answer' | 'reason'>): Promise<void> {
  const claim = mirror.directory.claims.get(key);
  if (claim === undefined || claim.record.answer !== undefined) return;
  await store.commit([{ key, value: { ...claim.record, ...answer }, expected: claim.revision }]).catch((error: unknown) => {
    if (!(error instanceof NetworkError) || error.code !== 'IN_USE') throw error;
  });
}

/** The host in whose block an address is; undefined where nobody has that block. */
export function ownerOf({ blocks }: Directory, networkId: string, address: string): string | undefined {
  const wanted = parseAddress(address);
  return [...(blocks.get(networkId)?.values() ?? [])].find(({ record }) => contains(parseCidr(record.block), wanted))?.record.hostId;
}

/** What goes with every change of who has what of a network. @throws {NetworkError} NOT_FOUND when the network is gone */
export function lendingChange(directory: Directory, networkId: string, self: string): Change {
  const expected = directory.revisionOf(lendingKey(networkId));
  if (expected === 0) throw new NetworkError('NOT_FOUND', `network ${networkId.slice(0, 12)} is gone from the cluster`);
  return { key: lendingKey(networkId), value: self, expected };
}

function taken({ hosts }: Directory, address: string, hostId: string): NetworkError {
  return new NetworkError('EXISTS', `address ${address} is taken on host ${hosts.get(hostId)?.name ?? hostId}; choose another, or none to get a free one`);
}

function ownerName(directory: Directory, networkId: string, address: string): string {
  const owner = ownerOf(directory, networkId, address);
  return `'${directory.hosts.get(owner ?? '')?.name ?? `${owner ?? '?'} (lost)`}'`;
}
