import { setTimeout } from 'node:timers/promises';
import { NetworkError } from '../common/error.ts';
import type { Listing } from '../store/store.ts';
import type { SharedStore } from '../store/shared-store.ts';
import { whenReachable } from './when-reachable.ts';
import { Directory, type News } from './directory.ts';

/** ms between a watch that was lost and the next reading, and when that is in vain. */
const PAUSE = 100;
const LONG_PAUSE = 2_000;

/** What a {@link Mirror} tells. */
export interface MirrorListener {
  /** Something changed. */
  readonly follow: (news: News) => void;
  /** The store cannot be read for now: what is known stays as it is. */
  readonly lost: (error: NetworkError) => void;
  /** It can be read again. */
  readonly found: () => void;
}

/**
 * Keeps a {@link Directory} equal to the shared store: one listing, then one watch from its revision. When
 * the watch is lost for good (what it wants to go on from was compacted), everything is read again and
 * compared; nothing that is still there is ever forgotten in between. A store that goes back in time is not followed.
 */
export class Mirror implements AsyncDisposable {
  readonly directory: Directory = new Directory();
  readonly #store: SharedStore;
  readonly #listener: MirrorListener;
  readonly #end = new AbortController();
  readonly #waiting = new Set<() => void>();
  #ears: Disposable | undefined;
  #over: Promise<void> = Promise.resolve();
  #isRead = false;
  /** The store is that of an earlier time. */
  #hasGoneBack = false;

  constructor(store: SharedStore, listener: MirrorListener) {
    this.#store = store;
    this.#listener = listener;
  }

  /** Whether changes are heard of as they happen. */
  get isCurrent(): boolean {
    return this.#isRead && this.#store.health.isReachable;
  }

  /** Begins. */
  start(): void {
    this.#ears = this.#store.onHealth(({ isReachable, reason }) => {
      this.#wake();
      if (this.#hasGoneBack) return;
      if (isReachable) this.#listener.found();
      else if (reason !== undefined) this.#listener.lost(reason);
    });
    this.#over = this.#run(this.#end.signal);
  }

  /**
   * Resolves when the directory is as the caller wants it, however long the store cannot be read meanwhile.
   * @throws {NetworkError} ABORTED
   */
  async until(isTrue: (directory: Directory) => boolean, signal?: AbortSignal): Promise<void> {
    while (!isTrue(this.directory)) await this.#nextChange(signal);
  }

  /**
   * Resolves when the directory knows of everything up to a revision.
   * @throws {NetworkError} ABORTED, UNAVAILABLE while the store cannot be read
   */
  reaches(revision: number, signal?: AbortSignal): Promise<void> {
    return this.told((directory) => directory.revision >= revision, signal);
  }

  /**
   * Resolves when the directory has heard what the caller knows that the store has.
   * @throws {NetworkError} ABORTED, UNAVAILABLE while the store cannot be read
   */
  told(isTrue: (directory: Directory) => boolean, signal?: AbortSignal): Promise<void> {
    return this.until((directory) => {
      if (isTrue(directory)) return true;
      if (!this.isCurrent) throw new NetworkError('UNAVAILABLE', 'the cluster’s store does not tell what changes: try again when it does');
      return false;
    }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ears?.[Symbol.dispose]();
    this.#end.abort();
    await this.#over;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#tell(this.directory.replace(this.#later(await this.#store.list('', this.directory.revision === 0 ? undefined : this.directory))));
        this.#isRead = true;
        this.#listener.found();
        for await (const { revision, events } of this.#store.watchBatches('', { after: this.directory.revision, signal })) this.#tell(this.directory.take(revision, events));
      } catch (thrown) {
        if (signal.aborted) return;
        const error = NetworkError.from(thrown);
        const isBehind = this.#store.health.isReachable && error.code === 'UNAVAILABLE';
        if (!isBehind) {
          this.#isRead = false;
          this.#listener.lost(error);
          this.#wake();
        }
        if (this.#hasGoneBack) return;
        // A watch that fell behind what is remembered begins anew at once; what cannot be read at all is not asked for all the time.
        if (this.#store.health.isReachable) await setTimeout(isBehind ? PAUSE : LONG_PAUSE, undefined, { signal }).catch(() => {});
        await whenReachable(this.#store, signal).catch(() => {});
      }
    }
  }

  /**
   * Revisions never go back, but in a store that was restored from a backup: they are given a second time then, and nothing that is decided from
   * those known here would be right. So nothing more is read, as if the store were away.
   * @throws {NetworkError} CORRUPT
   */
  #later(listing: Listing): Listing {
    if (listing.revision >= this.directory.revision) return listing;
    this.#hasGoneBack = true;
    throw new NetworkError('CORRUPT', `it is at revision ${String(listing.revision)} and was at ${String(this.directory.revision)}, so it was restored from an older backup; restart this daemon to go on with what stands there now`);
  }

  #tell(news: News): void {
    this.#listener.follow(news);
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async #nextChange(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(new NetworkError('ABORTED', 'given up while waiting for the other hosts'));
    if (signal?.aborted === true) return abort(), promise;
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.add(resolve);
    try {
      await promise;
    } finally {
      this.#waiting.delete(resolve);
      signal?.removeEventListener('abort', abort);
    }
  }
}
