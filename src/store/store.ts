/** One stored value with the revision that wrote it. */
export interface Entry {
  readonly key: string;
  /** What JSON keeps of the value given. */
  readonly value: unknown;
  /** Counts commits of the whole store, upwards from 1; never given twice. */
  readonly revision: number;
}

/** What {@link Store.list} saw, all at one moment. */
export interface Listing {
  /** Sorted by key. */
  readonly entries: readonly Entry[];
  /** The store's revision at that moment: watch `after` it to miss nothing. */
  readonly revision: number;
}

/** One step of a commit. */
export interface Change {
  /** Printable ASCII without spaces, 1 to 512 characters. */
  readonly key: string;
  /** Anything JSON can hold; absent or undefined deletes the key, which may be absent already. */
  readonly value?: unknown;
  /** Commit only if the key still has this revision; 0: only if it is absent. */
  readonly expected?: number;
}

/** A key that a commit depends on and does not change. */
export interface Check {
  readonly key: string;
  /** As {@link Change.expected}. */
  readonly expected: number;
}

/** How {@link Store.commit} is carried out. */
export interface CommitOptions {
  /** Commit only if all of these hold. A key stands in the changes or here, once. */
  readonly checks?: readonly Check[];
}

/** One key that a commit changed. */
export interface StoreEvent {
  readonly key: string;
  /** undefined: the key was deleted. */
  readonly value: unknown;
  readonly revision: number;
}

/** How {@link Store.watch} starts and ends. */
export interface WatchOptions {
  /** Changes of later revisions only; absent: those of commits made from now on. */
  readonly after?: number;
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal;
}

/**
 * Durable state with compare-and-swap. When a commit has been answered, its changes survive a
 * crash of the process or of the machine; before that, all of them are there or none.
 * One behaviour suite runs over all implementations.
 */
export interface Store extends AsyncDisposable {
  /** Eight hex digits made when the store was created: labels in the kernel carry it. */
  readonly instanceId: string;

  /** The entry of a key, if there is one. */
  get(key: string): Promise<Entry | undefined>;

  /** All entries whose key starts with the prefix; `''` takes everything. */
  list(prefix: string): Promise<Listing>;

  /**
   * Carries all changes out as one, and gives their common revision. Where nothing changed (only
   * absent keys were deleted), that is the present one.
   *
   * @throws {NetworkError} EXISTS when `expected` is 0 (of a change or a check) and the key is there; IN_USE when
   * somebody else changed or deleted it meanwhile (read again and decide again); INVALID for a bad or
   * repeated key or a value that is no JSON; UNAVAILABLE when it cannot be written (disk full)
   * or is closed. Nothing is changed then.
   */
  commit(changes: readonly Change[], options?: CommitOptions): Promise<number>;

  /**
   * Every change below a prefix, in order, from the moment of the call. It ends when the signal
   * aborts or the store is closed, and throws UNAVAILABLE to a watcher that asks for changes too
   * old to be remembered: list again, then watch after that listing.
   */
  watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent>;
}
