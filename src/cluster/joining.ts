/** Which hosts' engines have a network: it stays as long as one of them does. */
import type { Change } from '../store/store.ts';
import { commitSeen } from './commit-seen.ts';
import { joinedKey, lendingKey } from './keys.ts';
import { lendingChange, type Lending } from './lending.ts';
import type { JoinedRecord } from './records.ts';

/** The engine of this host has a network. Nothing happens where that is known. @throws {NetworkError} NOT_FOUND when it is gone, UNAVAILABLE, ABORTED */
export function joinNetwork({ store, mirror, self }: Lending, networkId: string, signal?: AbortSignal): Promise<void> {
  const key = joinedKey(networkId, self);
  const decide = (): Change[] => {
    const value: JoinedRecord = { networkId, hostId: self };
    return mirror.directory.revisionOf(key) > 0 ? [] : [{ key, value, expected: 0 }, lendingChange(mirror.directory, networkId, self)];
  };
  return commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
}

/** And has it no more. @throws {NetworkError} UNAVAILABLE, ABORTED */
export function leaveNetwork({ store, mirror, self }: Lending, networkId: string, signal?: AbortSignal): Promise<void> {
  const key = joinedKey(networkId, self);
  const decide = (): Change[] => {
    const { directory } = mirror;
    const expected = directory.revisionOf(key);
    if (expected === 0) return [];
    return [{ key, expected }, ...(directory.networks.has(networkId) ? [lendingChange(directory, networkId, self)] : [])];
  };
  return commitSeen(store, mirror, { witnesses: [lendingKey(networkId)], decide }, signal);
}
