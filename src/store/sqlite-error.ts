import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** Primary result codes, sqlite3.h. */
const SQLITE = { BUSY: 5, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;

/** What a person can do about a store that cannot be trusted. */
export const START_FRESH = 'put back a copy of it, or move it away together with its -wal file to start fresh';

/** An error of the store's file with path, reason and way out. */
export function storeError(path: string, reason: string, code: 'CORRUPT' | 'UNAVAILABLE', wayOut: string, cause?: unknown): NetworkError {
  return new NetworkError(code, `store ${quote(path)} ${reason}: ${wayOut}`, { cause });
}

/** Whatever node:sqlite or node:fs threw about the store's file, as CORRUPT, UNAVAILABLE or INTERNAL. */
export function fromSqlite(path: string, thrown: unknown): NetworkError {
  if (thrown instanceof NetworkError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (!(thrown instanceof Error)) return NetworkError.from(thrown);
  if ('errcode' in thrown && typeof thrown.errcode === 'number') return fromResult(path, thrown.errcode & 0xff, text, thrown);
  if ('syscall' in thrown) return storeError(path, `cannot be used (${text})`, 'UNAVAILABLE', 'choose another state directory or mend this one');
  return NetworkError.from(thrown);
}

function fromResult(path: string, result: number, text: string, cause: unknown): NetworkError {
  switch (result) {
    case SQLITE.BUSY:
      return storeError(path, 'is held by another daemon', 'UNAVAILABLE', 'stop that one, or choose another state directory', cause);
    case SQLITE.FULL:
      return storeError(path, 'cannot grow, its disk is full', 'UNAVAILABLE', 'nothing was written; free some space and try again', cause);
    case SQLITE.READONLY:
    case SQLITE.CANTOPEN:
      return storeError(path, `cannot be written (${text})`, 'UNAVAILABLE', 'make it writable, or choose another state directory', cause);
    case SQLITE.IOERR:
      return storeError(path, `cannot be read or written (${text})`, 'UNAVAILABLE', 'nothing was written; look at the disk', cause);
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return storeError(path, `is damaged (${text})`, 'CORRUPT', START_FRESH, cause);
    default:
      return new NetworkError('INTERNAL', `store ${quote(path)}: ${text}`, { cause });
  }
}
