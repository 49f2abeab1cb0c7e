import { isDeepStrictEqual } from 'node:util';
import { NetworkError } from '../common/error.ts';
import type { SharedStore } from '../store/shared-store.ts';
import type { Change } from '../store/store.ts';
import { MOST_CHANGES } from './chunks.ts';
import type { News } from './directory.ts';
import { endpointKey } from './keys.ts';
import type { Mirror } from './mirror.ts';
import type { SharedEndpoint } from './records.ts';

/** Characters in one transaction: etcd takes 1.5 MB (`--max-request-bytes`), and an endpoint may have published many ports. */
const MOST_TEXT = 500_000;

interface Written {
  readonly key: string;
  /** Left out: deleted. */
  readonly endpoint: SharedEndpoint | undefined;
}

/** Whoever attaches an endpoint waits no longer than this for a commit, ms: while the servers swallow what is sent to them, it takes seconds until that is certain. */
const PATIENCE = 500;

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
  readonly #mayWrite: () => boolean;
  readonly #report: (error: NetworkError | undefined) => void;
  readonly #end = new AbortController();
  readonly #wanted = new Map<string, SharedEndpoint>();
  /** Keys under which something else may stand than is wanted. */
  readonly #unsettled = new Set<string>();
  /** What was written and is not in the directory yet, the oldest first; without an endpoint: deleted. */
  readonly #written = new Map<string, { readonly endpoint: SharedEndpoint | undefined; readonly revision: number }>();
  #running: Promise<void> | undefined;
  /** Aborts when the commit that is under way takes too long. */
  #late: AbortSignal | undefined;
  #isDirty = false;
  #retry: NodeJS.Timeout | undefined;

  /** @param self id of this host @param mayWrite whether it is this host that has the id @param report hears why nothing could be written, and undefined when all is */
  constructor(store: SharedStore, mirror: Mirror, self: string, mayWrite: () => boolean, report: (error: NetworkError | undefined) => void) {
    this.#store = store;
    this.#mirror = mirror;
    this.#self = self;
    this.#mayWrite = mayWrite;
    this.#report = report;
  }

  /** What this host has from now on, by key; undefined: no more. */
  want(changes: ReadonlyMap<string, SharedEndpoint | undefined>): void {
    for (const [key, endpoint] of changes) {
      this.#unsettled.add(key);
      if (endpoint === undefined) this.#wanted.delete(key);
      else this.#wanted.set(key, endpoint);
    }
    this.wake();
  }

  /** The directory has changed: somebody may have written what is ours to write. */
  hear({ endpoints }: News): void {
    const own = this.#mirror.directory.endpointsOfHost.get(this.#self);
    for (const [networkId, ids] of endpoints) {
      for (const key of [...ids].map((id) => endpointKey(networkId, id))) if (this.#wanted.has(key) || own?.has(key) === true) this.#unsettled.add(key);
    }
    for (const [key, { revision }] of this.#written) {
      if (revision > this.#mirror.directory.revision) break;
      this.#written.delete(key);
      this.#unsettled.add(key);
    }
    if (this.#unsettled.size > 0) this.wake();
  }

  /** Writes what is unsettled, where it could not be written: the store is there again. */
  wake(): void {
    this.#isDirty = true;
    this.#running ??= this.#run();
  }

  /** Resolves when everything is written, or cannot be for now; also when the servers have left something unanswered for too long, by which nobody knows yet that they are away. */
  async settled(): Promise<void> {
    if (this.#running === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = this.#late ?? AbortSignal.timeout(PATIENCE);
    if (late.aborted) return;
    const end = (): void => resolve();
    late.addEventListener('abort', end, { once: true });
    await Promise.race([this.#running, promise]);
    late.removeEventListener('abort', end);
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
      if (this.#unsettled.size === 0) this.#report(undefined);
    } catch (error) {
      this.#report(NetworkError.from(error));
      // A store that has answered others meanwhile tells nobody that it would answer this one too.
      clearTimeout(this.#retry);
      if (!this.#end.signal.aborted) this.#retry = setTimeout(() => this.wake(), RETRY).unref();
    } finally {
      this.#late = undefined;
      this.#running = undefined;
    }
  }

  async #write(): Promise<void> {
    for (let changes = this.#changes(); changes.length > 0 && !this.#end.signal.aborted; changes = this.#changes()) {
      this.#late = AbortSignal.timeout(PATIENCE);
      const revision = await this.#store.commit(changes.map(({ key, endpoint }): Change => ({ key, ...(endpoint === undefined ? {} : { value: endpoint }) })));
      for (const { key, endpoint } of changes) {
        this.#written.delete(key);
        // What the directory has seen already may have been changed by somebody since.
        if (revision <= this.#mirror.directory.revision) continue;
        this.#written.set(key, { endpoint, revision });
        if (this.#wanted.get(key) === endpoint) this.#unsettled.delete(key);
      }
    }
  }

  #changes(): Written[] {
    // Before it has been read nobody knows what stands there.
    if (!this.#mirror.isCurrent || !this.#mayWrite()) return [];
    const own = this.#mirror.directory.endpointsOfHost.get(this.#self);
    const changes: Written[] = [];
    let text = 0;
    for (const key of this.#unsettled) {
      const written = this.#written.get(key);
      const there = written === undefined ? own?.get(key) : written.endpoint;
      const endpoint = this.#wanted.get(key);
      if (isDeepStrictEqual(there, endpoint)) this.#unsettled.delete(key);
      else {
        changes.push({ key, endpoint });
        text += JSON.stringify(endpoint ?? '').length;
      }
      if (changes.length === MOST_CHANGES || text >= MOST_TEXT) break;
    }
    return changes;
  }
}
