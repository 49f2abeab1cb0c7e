import type { NetworkError } from '../common/error.ts';
import type { Change, CommitOptions, Listing, Store, StoreEvent, WatchOptions } from './store.ts';

/**
 * The right to be there: keys bound to it are deleted when nobody keeps it alive any more. It is kept
 * alive by itself for as long as the process runs and the servers answer. Disposing revokes it, and its
 * keys go at once; where the servers do not answer, when its time is over.
 */
export interface StoreLease extends AsyncDisposable {
  /** Hex digits, as the store's own tools show them. */
  readonly id: string;
  /** For how long it lives without being kept alive, s: what the servers granted, which may be more than was asked for. */
  readonly seconds: number;
  /**
   * Aborts when the servers say that it is over: they were out of reach, or this process did not run, for
   * too long, or somebody revoked it. Its keys are gone then: open another one and commit them again.
   * The reason is a {@link NetworkError} UNAVAILABLE. Disposing does not abort it.
   */
  readonly lost: AbortSignal;
}

/** Everything below a prefix, as it was at a revision. */
export interface KnownEntries {
  readonly revision: number;
  keys(): Iterable<string>;
  /** Of the commit that wrote a key. */
  revisionOf(key: string): number;
}

/** One step of a commit that may bind its key to a lease. */
export interface SharedChange extends Change {
  /** The key goes with this lease; absent: it stays, also if it was bound to one before. */
  readonly lease?: StoreLease;
}

/** What one commit changed below a watched prefix, whole. */
export interface StoreBatch {
  /**
   * How far the watch has come: everything up to and including this revision has been seen. It never goes
   * back. A listing of this revision or a lower one has nothing that the watch has not shown.
   */
  readonly revision: number;
  /** In the order of the store, all of `revision`; empty when the store only tells how far it has come. */
  readonly events: readonly StoreEvent[];
}

/** Whether the servers of a store answer. */
export interface StoreHealth {
  readonly isReachable: boolean;
  /** UNAVAILABLE: what each server said, in one line; undefined while they answer. */
  readonly reason: NetworkError | undefined;
}

/** The clock of a server is not where this host's is. */
export interface StoreSkew {
  /** Which one, as it is called in messages. */
  readonly server: string;
  /** ms by which its clock is ahead of this host's; less than 0: behind. */
  readonly ahead: number;
}

/**
 * A store that several hosts share. Revisions are those of the servers, which count commits of others
 * too: they grow, but not by one.
 */
export interface SharedStore extends Store {
  /** Of the servers behind it: sixteen hex digits. */
  readonly clusterId: string;

  /** As of the last answer, or of the last time that none came. */
  readonly health: StoreHealth;

  /**
   * Calls the listener whenever the servers stop answering and whenever they answer again. The store finds
   * both out by itself while it is open. @returns disposing ends it
   */
  onHealth(listener: (health: StoreHealth) => void): Disposable;

  /** The clock of the server that answered last, where it is more than a few seconds from this host's. Nothing here depends on it; certificates and logs do. */
  readonly skew: StoreSkew | undefined;

  /** Calls the listener when that begins, when it has changed by seconds, and when it is over. @returns disposing ends it */
  onSkew(listener: (skew: StoreSkew | undefined) => void): Disposable;

  /**
   * As {@link Store.list}.
   * @param known what is not read again, where it still stands: the values of its entries may be left out
   */
  list(prefix: string, known?: KnownEntries): Promise<Listing>;

  /**
   * Opens a lease.
   * @param seconds from 2 up
   * @throws {NetworkError} INVALID for a time that no server grants; UNAVAILABLE; ABORTED
   */
  openLease(seconds: number, options?: { readonly signal?: AbortSignal }): Promise<StoreLease>;

  /**
   * As {@link Store.commit}. Commits of this process that have a key in common, as a change or as a check, take
   * place in the order of the calls; others may overtake each other.
   *
   * @throws {NetworkError} as {@link Store.commit}, NOT_FOUND when a lease is over (its `lost` aborts), INVALID
   * when the servers find it too large, and {@link OutcomeUnknown} when nobody can say whether it was carried
   * out: only where no change has `expected`
   */
  commit(changes: readonly SharedChange[], options?: CommitOptions): Promise<number>;

  /**
   * As {@link Store.watch}, a commit at a time. It goes on by itself on another server when one goes away, and
   * waits while none answers: `health` tells of that. Without `after` it shows what was committed since the last answer
   * that this process had, so it may begin with changes of others from just before the call.
   */
  watchBatches(prefix: string, options?: WatchOptions): AsyncIterable<StoreBatch>;
}
