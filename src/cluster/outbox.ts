import { isDeepStrictEqual } from 'node:util';
import { NetworkError } from '../common/error.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import { endpointKey } from './keys.ts';
import type { Mirror } from './mirror.ts';
import type { SharedEndpoint } from './records.ts';

/** etcd takes 128 operations in one transaction unless it is told otherwise (`--max-txn-ops`). */
const MOST_CHANGES = 100;

/** What could not be written is tried again after this, ms. */
const RETRY = 1_000;

/**
 * What this host has to tell the others of its endpoints: the difference between what it has and what
 * stands in the store, written as soon as the store can be written.
 */
export class Outbox implements AsyncDisposable {
  readonly #store: SharedStore;
  readonly #mirror: Mirror;
  readonly #self: string;
  readonly #report: (error: NetworkError) => void;
  readonly #end = new AbortController();
  #wanted: ReadonlyMap<string, SharedEndpoint> = new Map();
  /** What was written and is not in the directory yet; without an endpoint: deleted. */
  readonly #written = new Map<string, { readonly endpoint: SharedEndpoint | undefined; readonly revision: number }>();
  #running: Promise<void> | undefined;
  #isDirty = false;
  #retry: NodeJS.Timeout | undefined;

  /** @param self id of this host */
  constructor(store: SharedStore, mirror: Mirror, self: string, report: (error: NetworkError) => void) {
    this.#store = store;
    this.#mirror = mirror;
    this.#self = self;
    this.#report = report;
  }

  /** All endpoints that this host has, from now on. */
  want(endpoints: readonly SharedEndpoint[]): void {
    this.#wanted = new Map(endpoints.map((endpoint) => [endpointKey(endpoint.networkId, endpoint.id), endpoint]));
    this.wake();
  }

  /** Looks again at what differs: the directory has changed, or the store is there again. */
  wake(): void {
    this.#isDirty = true;
    this.#running ??= this.#run();
  }

  /** Resolves when everything is written, or cannot be for now. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    clearTimeout(this.#retry);
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whoever begins it has to know of it first.
    await undefined;
    try {
      while (this.#isDirty) {
        this.#isDirty = false;
        await this.#write();
      }
    } catch (error) {
      this.#report(NetworkError.from(error));
      // A store that has answered others meanwhile tells nobody that it would answer this one too.
      clearTimeout(this.#retry);
      if (!this.#end.signal.aborted) this.#retry = setTimeout(() => this.wake(), RETRY).unref();
    } finally {
      this.#running = undefined;
    }
  }

  async #write(): Promise<void> {
    for (let changes = this.#changes(); changes.length > 0 && !this.#end.signal.aborted; changes = this.#changes()) {
      const wanted = this.#wanted;
      const revision = await this.#store.commit(changes);
    for (const { key } of changes) this.#written.set(key, { endpoint: wanted.get(key), revision });
    }
  }

  #changes(): Change[] {
    // Before it has been read nobody knows what stands there.
    if (!this.#mirror.isCurrent) return [];
    const { directory } = this.#mirror;
    for (const [key, { revision }] of this.#written) if (revision <= directory.revision) this.#written.delete(key);
    const there = new Map<string, SharedEndpoint | undefined>(directory.endpointsOfHost.get(this.#self));
    for (const [key, { endpoint }] of this.#written) there.set(key, endpoint);
    const changes: Change[] = [];
    for (const [key, endpoint] of this.#wanted) if (!isDeepStrictEqual(there.get(key), endpoint)) changes.push({ key, value: endpoint });
    for (const [key, endpoint] of there) if (endpoint !== undefined && !this.#wanted.has(key)) changes.push({ key });
    return changes.slice(0, MOST_CHANGES);
  }
}
