import type { ErrorCode } from '../common/error.ts';

/** The one place where a code becomes an HTTP status. */
const STATUS = {
  INVALID: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  EXISTS: 409,
  IN_USE: 409,
  EXHAUSTED: 409,
  UNSUPPORTED: 501,
  UNAVAILABLE: 503,
  // Nobody reads it: the caller has gone away.
  ABORTED: 499,
  KERNEL: 500,
  CORRUPT: 500,
  INTERNAL: 500,
} as const satisfies Record<ErrorCode, number>;

/** The HTTP status of an answer that reports this code. */
export function httpStatus(code: ErrorCode): number {
  return STATUS[code];
}
