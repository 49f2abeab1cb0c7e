import { NetworkError } from '../common/error.ts';
import type { StoreEvent, WatchOptions } from './store.ts';

/** One change as the log keeps it: JSON text, parsed anew for each watcher. */
export interface LoggedChange {
  readonly key: string;
  readonly text: string | undefined;
  readonly revision: number;
}

/** Changes remembered for those who are behind. */
const REMEMBERED = 10_000;

/**
 * The latest changes of a store, in memory, and those who wait for the next. A watcher is only a
 * position in the log, so that a slow one costs nothing: it is told to start over instead.
 */
export class ChangeLog {
  readonly #remembered: number;
  #changes: LoggedChange[] = [];
  /** How many were forgotten: the position of the first one in #changes. */
  #start = 0;
  /** Revision of the last one forgotten. */
  #forgotten: number;
  #news: PromiseWithResolvers<void> = Promise.withResolvers();
  #closed = false;

  /** `revision` is the store's own at this moment. */
  constructor(revision: number, remembered: number = REMEMBERED) {
    this.#forgotten = revision;
    this.#remembered = remembered;
  }

  /** Adds the changes of one commit and wakes those who watch. */
  append(changes: readonly LoggedChange[]): void {
    this.#changes.push(...changes);
    if (this.#changes.length > 2 * this.#remembered) this.#forget(this.#changes.length - this.#remembered);
    this.#wake();
  }

  /** As {@link Store.watch}. */
  watch(prefix: string, { after, signal }: WatchOptions = {}): AsyncIterable<StoreEvent> {
    const end = this.#start + this.#changes.length;
    const missed = this.#changes.findIndex((change) => change.revision > (after ?? Infinity));
    const position = missed < 0 ? end : this.#start + missed;
    return this.#follow(prefix, after !== undefined && after < this.#forgotten ? -1 : position, signal);
  }

  /** Ends all iterations once they have seen everything. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *#follow(prefix: string, from: number, signal: AbortSignal | undefined): AsyncGenerator<StoreEvent, void> {
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    try {
      let position = from;
      while (!isAborted(signal)) {
        if (position < this.#start) throw tooLate();
        const change = this.#changes[position - this.#start];
        if (change === undefined) {
          if (this.#closed) return;
          await this.#news.promise;
          continue;
        }
        position++;
        if (change.key.startsWith(prefix)) yield eventOf(change);
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }

  #forget(count: number): void {
    this.#forgotten = this.#changes[count - 1]?.revision ?? this.#forgotten;
    this.#changes = this.#changes.slice(count);
    this.#start += count;
  }

  #wake(): void {
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function eventOf({ key, text, revision }: LoggedChange): StoreEvent {
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  return { key, value, revision };
}

function tooLate(): NetworkError {
  return new NetworkError('UNAVAILABLE', 'the changes asked for are too old to be remembered: list again and watch from there');
}
