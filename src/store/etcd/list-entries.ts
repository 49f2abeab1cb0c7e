import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import type { Entry, Listing } from '../store.ts';
import { Compacted } from './compacted.ts';
import { text, type KeySpace } from './key-space.ts';
import type { KeyValue, RangeAnswer } from './messages.ts';
import type { Transactions } from './transactions.ts';
import { AnswerTooLarge } from './wire.ts';

/** Keys in one answer. */
const PAGE = 2000;

/** A listing that was overtaken by compaction begins anew; one that has to so often is asked for too much. */
const TRIES = 3;

/**
 * Reads all entries below a prefix as of one revision, in pages.
 * @throws {NetworkError} as {@link Transactions.read}
 */
export async function listEntries(transactions: Transactions, keys: KeySpace, prefix: string): Promise<Listing> {
  for (let tries = 1; ; tries++) {
    const listing = await readPages(transactions, keys, prefix).catch((error: unknown) => {
      if (!(error instanceof Compacted) || tries === TRIES) throw error;
      return undefined;
    });
    if (listing !== undefined) return listing;
  }
}

/** An entry as etcd gives it. @throws {NetworkError} CORRUPT when somebody else wrote it, who does not know what belongs there */
export function entryOf(keys: KeySpace, { key = '', value, mod_revision: revision = '0' }: KeyValue): Entry {
  const name = keys.decode(key);
  return { key: name, value: valueOf(name, value), revision: Number(revision) };
}

/** The value of a key as etcd gives it. @throws as {@link entryOf} */
export function valueOf(key: string, value: string | undefined): unknown {
  try {
    return JSON.parse(text(value));
  } catch (cause) {
    throw new NetworkError('CORRUPT', `store key ${quote(key)} has a value in etcd that is no JSON: somebody else wrote it; put it right, or delete it there`, { cause });
  }
}

async function readPages(transactions: Transactions, keys: KeySpace, prefix: string): Promise<Listing> {
  const entries: Entry[] = [];
  let revision: number | undefined;
  let size = PAGE;
  for (;;) {
    const range = { ...keys.range(prefix, entries.at(-1)?.key), limit: String(size), ...(revision === undefined ? {} : { revision: String(revision) }) };
    const page = await transactions.read(range).catch((error: unknown) => {
      if (!(error instanceof AnswerTooLarge) || size === 1) throw error;
      return undefined;
    });
    if (page === undefined) {
      size = Math.ceil(size / 8);
      continue;
    }
    revision ??= page.revision;
    const { kvs = [], more = false }: RangeAnswer = page.ranges[0] ?? {};
    for (const found of kvs) entries.push(entryOf(keys, found));
    if (!more) return { entries, revision };
  }
}
