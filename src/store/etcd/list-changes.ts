import type { KnownEntries } from '../shared-store.ts';
import type { Entry, Listing } from '../store.ts';
import type { KeySpace } from './key-space.ts';
import { entryOf } from './list-entries.ts';
import type { RangeRequest } from './messages.ts';
import type { Transactions } from './transactions.ts';

/** Ranges in one transaction: etcd takes 128 unless it is told otherwise. */
const MOST_RANGES = 100;

/**
 * Reads what changed since everything was known, and finds out by counting whether something is gone, and where: etcd filters and counts 50,000
 * entries in a tenth of the time in which its gateway makes JSON of them.
 * @returns undefined where that does not help: the servers are older than what is known, or everything changed
 * @throws {NetworkError} as {@link Transactions.read}
 */
export async function listChanges(transactions: Transactions, keys: KeySpace, prefix: string, known: KnownEntries): Promise<Listing | undefined> {
  const whole = keys.range(prefix);
  const { ranges: [found, all], revision } = await transactions.read({ ...whole, min_mod_revision: String(known.revision + 1) }, { ...whole, count_only: true });
  if (revision < known.revision) return undefined;
  const entries = new Map([...known.keys()].map((key): [string, Entry] => [key, { key, value: undefined, revision: known.revisionOf(key) }]));
  for (const change of found?.kvs ?? []) {
    const entry = entryOf(keys, change);
    entries.set(entry.key, entry);
  }
  if (Number(all?.count ?? 0) !== entries.size) await dropGone(transactions, keys, entries, revision);
  return { entries: [...entries.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1)), revision };
}

/** Takes out what is gone: below each path there are as many as are known, or all there are is read. */
async function dropGone(transactions: Transactions, keys: KeySpace, entries: Map<string, Entry>, revision: number): Promise<void> {
  const below = Map.groupBy(entries.keys(), (key) => key.slice(0, key.lastIndexOf('/') + 1));
  const at = (path: string, request: Partial<RangeRequest>): RangeRequest => ({ ...keys.range(path), ...request, revision: String(revision) });
  const paths = [...below.keys()].toSorted();
  for (let index = 0; index < paths.length; index += MOST_RANGES) {
    const part = paths.slice(index, index + MOST_RANGES);
    const { ranges } = await transactions.read(...part.map((path) => at(path, { count_only: true })));
    for (const [place, path] of part.entries()) {
      let count = 0;
      // Paths that lie below it follow it; etcd counts what is there too.
      for (let next = index + place; paths[next]?.startsWith(path) === true; next += 1) count += below.get(paths[next] ?? '')?.length ?? 0;
      if (Number(ranges[place]?.count ?? 0) === count) continue;
      const { ranges: [there] } = await transactions.read(at(path, { keys_only: true }));
      const left = new Set((there?.kvs ?? []).map(({ key = '' }) => keys.decode(key)));
      for (const key of below.get(path) ?? []) if (!left.has(key)) entries.delete(key);
    }
  }
}
