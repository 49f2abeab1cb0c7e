import { randomBytes } from 'node:crypto';
import { NetworkError } from '../../src/common/error.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { SharedChange, SharedStore, StoreBatch, StoreHealth, StoreLease, StoreSkew } from '../../src/store/shared-store.ts';
import type { Change, CommitOptions, Entry, Listing, StoreEvent, WatchOptions } from '../../src/store/store.ts';

/** What several {@link SharedMemory} stores share: servers without a network. */
export class SharedServers {
  readonly store: MemoryStore = new MemoryStore();
  readonly clusterId: string = randomBytes(8).toString('hex');
  /** Keys by lease. */
  readonly leases: Map<string, { readonly keys: Set<string>; readonly lost: AbortController }> = new Map();

  /** Every commit, the oldest first. */
  readonly log: StoreBatch[] = [];
  readonly #waiting = new Set<() => void>();

  async commit(changes: readonly Change[], options?: CommitOptions): Promise<number> {
    const revision = await this.store.commit(changes, options);
    if (revision > (this.log.at(-1)?.revision ?? 0)) {
      // As it reads again: what JSON keeps of it.
      const events = changes.map(({ key, value }): StoreEvent => ({ key, value: value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown), revision }));
      this.log.push({ revision, events });
    }
    this.wake();
    return revision;
  }

  wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when something happens. */
  async change(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    signal?.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }

  /** The time of a lease is over. */
  async expire(id: string): Promise<void> {
    const lease = this.leases.get(id);
    if (lease === undefined) return;
    this.leases.delete(id);
    await this.commit([...lease.keys].map((key) => ({ key })));
    lease.lost.abort(new NetworkError('UNAVAILABLE', 'the lease is over'));
  }
}

/** A shared store in memory, as one host sees it; it can be cut off from the servers. */
export class SharedMemory implements SharedStore {
  readonly #servers: SharedServers;
  readonly #listeners = new Set<(health: StoreHealth) => void>();
  readonly #leases: string[] = [];
  readonly #clocks = new Set<(skew: StoreSkew | undefined) => void>();
  #reason: NetworkError | undefined;
  skew: StoreSkew | undefined;
  /** What is sent is swallowed: commits are not answered. */
  isSilent = false;
  /** Commits that are lost on their way. */
  loses: (changes: readonly SharedChange[]) => boolean = () => false;

  constructor(servers: SharedServers) {
    this.#servers = servers;
  }

  get instanceId(): string {
    return this.#servers.store.instanceId;
  }

  get clusterId(): string {
    return this.#servers.clusterId;
  }

  get health(): StoreHealth {
    return { isReachable: this.#reason === undefined, reason: this.#reason };
  }

  /** From now on no server answers, or they do again. */
  cut(isCut: boolean): void {
    this.#reason = isCut ? new NetworkError('UNAVAILABLE', 'no server answers') : undefined;
    for (const listener of this.#listeners) listener(this.health);
    this.#servers.wake();
  }

  /** The leases of this host run out, as they do when it is cut off or dead for long. */
  async expire(): Promise<void> {
    for (const id of this.#leases.splice(0)) await this.#servers.expire(id);
  }

  onHealth(listener: (health: StoreHealth) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** From now on the clock of the servers is so; undefined: as that of this host. */
  turnClock(skew: StoreSkew | undefined): void {
    this.skew = skew;
    for (const listener of this.#clocks) listener(skew);
  }

  onSkew(listener: (skew: StoreSkew | undefined) => void): Disposable {
    this.#clocks.add(listener);
    return { [Symbol.dispose]: () => void this.#clocks.delete(listener) };
  }

  async openLease(seconds: number): Promise<StoreLease> {
    this.#require();
    const id = randomBytes(8).toString('hex');
    const lost = new AbortController();
    this.#servers.leases.set(id, { keys: new Set(), lost });
    this.#leases.push(id);
    return { id, seconds, lost: lost.signal, [Symbol.asyncDispose]: () => this.#servers.expire(id) };
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#require();
    return this.#servers.store.get(key);
  }

  async list(prefix: string): Promise<Listing> {
    this.#require();
    return this.#servers.store.list(prefix);
  }

  async commit(changes: readonly SharedChange[], options?: CommitOptions): Promise<number> {
    this.#require();
    // What is on the way may be overtaken, as between hosts.
    await new Promise((resolve) => setImmediate(resolve));
    this.#require();
    while (this.isSilent) await this.#servers.change(undefined);
    if (this.loses(changes)) throw new NetworkError('UNAVAILABLE', 'lost on its way');
    const revision = await this.#servers.commit(changes.map(({ lease: _lease, ...change }) => change), options);
    for (const { key, lease } of changes) if (lease !== undefined) this.#servers.leases.get(lease.id)?.keys.add(key);
    return revision;
  }

  async *watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent> {
    for await (const { events } of this.watchBatches(prefix, options)) yield* events;
  }

  async *watchBatches(prefix: string, { after, signal }: WatchOptions = {}): AsyncIterable<StoreBatch> {
    const { log } = this.#servers;
    let seen = after ?? log.at(-1)?.revision ?? 0;
    for (;;) {
      if (signal?.aborted === true) return;
      const next = this.#reason === undefined ? log.find(({ revision }) => revision > seen) : undefined;
      if (next === undefined) {
        // Somebody commits, cuts, heals or ends the watch.
        await this.#servers.change(signal);
        continue;
      }
      seen = next.revision;
      yield { revision: next.revision, events: next.events.filter(({ key }) => key.startsWith(prefix)) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.expire();
  }

  #require(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }
}
