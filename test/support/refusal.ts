import assert from 'node:assert/strict';
import { NetworkError } from '../../src/common/error.ts';
import type { ErrorCode } from '../../src/common/error.ts';

/** Fails unless `act` throws a one-line NetworkError of this code whose message matches every pattern. */
export function refuses(act: () => unknown, code: ErrorCode, ...patterns: readonly RegExp[]): void {
  assert.throws(act, (thrown: unknown) => isRefusal(thrown, code, patterns));
}

/** The same for a promise. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode, ...patterns: readonly RegExp[]): Promise<void> {
  await assert.rejects(promise, (thrown: unknown) => isRefusal(thrown, code, patterns));
}

function isRefusal(thrown: unknown, code: ErrorCode, patterns: readonly RegExp[]): true {
  assert.ok(thrown instanceof NetworkError, `not a NetworkError: ${String(thrown)}`);
  assert.equal(thrown.code, code, thrown.message);
  assert.doesNotMatch(thrown.message, /\p{Cc}/u, 'more than one plain line');
  for (const pattern of patterns) assert.match(thrown.message, pattern);
  return true;
}
