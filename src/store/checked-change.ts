import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Change, Check } from './store.ts';

/** A change that was looked at: its value is text by now, so that nobody can alter it any more. */
export interface CheckedChange {
  readonly key: string;
  /** JSON; undefined deletes. */
  readonly text: string | undefined;
  readonly expected: number | undefined;
}

const KEY = /^[\x21-\x7e]{1,512}$/;

/**
 * Changes as every store takes them.
 * @throws {NetworkError} INVALID for a key that is malformed or twice there, a value that is no JSON
 */
export function checkChanges(changes: readonly Change[], checks: readonly Check[] = []): CheckedChange[] {
  const keys = new Set<string>();
  for (const { key } of [...changes, ...checks]) {
    if (!KEY.test(key)) {
      throw new NetworkError('INVALID', `store key ${quote(key)} must be 1 to 512 printable ASCII characters without spaces`);
    }
    if (keys.has(key)) throw new NetworkError('INVALID', `store key ${quote(key)} stands twice in one commit; combine its changes`);
    keys.add(key);
  }
  return changes.map(({ key, value, expected }) => ({ key, text: value === undefined ? undefined : jsonOf(key, value), expected }));
}

function jsonOf(key: string, value: unknown): string {
  let cause: unknown;
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (error) {
    cause = error;
  }
  throw new NetworkError('INVALID', `the value for store key ${quote(key)} cannot be written as JSON: leave out cycles, bigints and functions`, { cause });
}

/**
 * The reason why a change must not be made to a key of the given revision (undefined: absent), or a check
 * does not hold, if there is one: EXISTS or IN_USE, as {@link Store.commit} says.
 */
export function conflictOf(change: CheckedChange | Check, revision: number | undefined): NetworkError | undefined {
  const { key, expected } = change;
  if (expected === undefined || expected === (revision ?? 0)) return undefined;
  if (expected === 0) return new NetworkError('EXISTS', `store key ${quote(key)} is there already`);
  const now = revision === undefined ? 'deleted' : `changed (revision ${revision} instead of ${expected})`;
  return new NetworkError('IN_USE', `store key ${quote(key)} was ${now} by somebody else meanwhile: read it again`);
}
