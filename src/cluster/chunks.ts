/** etcd takes 128 operations in one transaction unless it is told otherwise (`--max-txn-ops`); a few are those that bear witness. */
export const MOST_CHANGES = 100;

/** What is too much for one transaction, in parts. */
export function chunked<One>(all: readonly One[]): One[][] {
  return Array.from({ length: Math.ceil(all.length / MOST_CHANGES) }, (_, index) => all.slice(index * MOST_CHANGES, (index + 1) * MOST_CHANGES));
}
