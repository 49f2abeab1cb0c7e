import { randomBytes } from 'node:crypto';
import { NetworkError } from '../common/error.ts';
import { ChangeLog } from './change-log.ts';
import { checkChanges, conflictOf } from './checked-change.ts';
import type { Change, CommitOptions, Entry, Listing, Store, StoreEvent, WatchOptions } from './store.ts';

interface Held {
  readonly text: string;
  readonly revision: number;
}

/** A store that forgets everything when the process ends: for tests, and for who uses the library and wants nothing kept. */
export class MemoryStore implements Store {
  readonly instanceId: string;
  readonly #entries = new Map<string, Held>();
  readonly #log = new ChangeLog(0);
  #revision = 0;
  #closed = false;

  constructor(instanceId: string = randomBytes(4).toString('hex')) {
    this.instanceId = instanceId;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#requireOpen();
    const held = this.#entries.get(key);
    return held === undefined ? undefined : entryOf(key, held);
  }

  async list(prefix: string): Promise<Listing> {
    this.#requireOpen();
    const entries = [...this.#entries]
      .filter(([key]) => key.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, held]) => entryOf(key, held));
    return { entries, revision: this.#revision };
  }

  async commit(changes: readonly Change[], { checks = [] }: CommitOptions = {}): Promise<number> {
    this.#requireOpen();
    const checked = checkChanges(changes, checks);
    for (const change of [...checked, ...checks]) {
      const conflict = conflictOf(change, this.#entries.get(change.key)?.revision);
      if (conflict !== undefined) throw conflict;
    }
    const real = checked.filter(({ key, text }) => text !== undefined || this.#entries.has(key));
    if (real.length === 0) return this.#revision;
    const revision = ++this.#revision;
    for (const { key, text } of real) {
      if (text === undefined) this.#entries.delete(key);
      else this.#entries.set(key, { text, revision });
    }
    this.#log.append(real.map(({ key, text }) => ({ key, text, revision })));
    return revision;
  }

  watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent> {
    this.#requireOpen();
    return this.#log.watch(prefix, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#log.close();
  }

  #requireOpen(): void {
    if (this.#closed) throw new NetworkError('UNAVAILABLE', 'the store is closed');
  }
}

function entryOf(key: string, { text, revision }: Held): Entry {
  const value: unknown = JSON.parse(text);
  return { key, value, revision };
}
