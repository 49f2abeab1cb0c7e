import { NetworkError } from '../common/error.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change, Check } from '../store/store.ts';
import type { Mirror } from './mirror.ts';

/** So often other hosts may be quicker before it is said. */
const ATTEMPTS = 50;

/** What is to be written, decided from the directory. */
export interface Decision {
  /** Keys of which one is written by everybody who changes what the decision rests on. */
  readonly witnesses: readonly string[];
  /** What to write; none: nothing has to be done. @throws what the caller is to hear */
  readonly decide: () => readonly Change[];
  /** What has to hold besides; their keys are witnesses. */
  readonly checks?: readonly Check[];
}

/**
 * Writes what follows from the directory. Where another host was quicker, it is waited for until the
 * directory knows, and decided again.
 * @throws {NetworkError} whatever the decision throws, UNAVAILABLE, ABORTED
 */
export async function commitSeen(store: SharedStore, mirror: Mirror, { witnesses, decide, checks = [] }: Decision, signal?: AbortSignal): Promise<void> {
  for (let count = 0; count < ATTEMPTS; count += 1) {
    const changes = decide();
    if (changes.length === 0) return;
    try {
      await store.commit(changes, { checks });
      return;
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (error.code !== 'EXISTS' && error.code !== 'IN_USE') throw error;
      for (const witness of witnesses) {
        const there = await store.get(witness);
        // Gone with what it bears witness to.
        if (there === undefined) await mirror.told((directory) => directory.revisionOf(witness) === 0, signal);
        else await mirror.reaches(there.revision, signal);
      }
    }
  }
  throw new NetworkError('UNAVAILABLE', `other hosts were quicker ${String(ATTEMPTS)} times in a row: try again`);
}
