import { isDeepStrictEqual } from 'node:util';
import { NetworkError } from '../../common/error.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import type { SharedChange, SharedStore, StoreBatch, StoreHealth, StoreLease } from '../../store/shared-store.ts';
import type { Change, Entry, Listing, StoreEvent, WatchOptions } from '../../store/store.ts';
import { ENDPOINTS, JOINED } from '../keys.ts';
import type { Peers } from './peers.ts';
import { peersEntries } from './peers-entries.ts';

/** What a host notes of itself: nobody else reads it. */
const OWN = [ENDPOINTS, JOINED, 'lending/'] as const;
const REACHABLE: StoreHealth = { isReachable: true, reason: undefined };

/**
 * A cluster's store that is a file: what stands there is known to every host that has the same file, and what a host writes stays with it
 * and only as long as its daemon runs.
 */
export class StaticStore implements SharedStore {
  readonly clusterId: string;
  readonly instanceId: string;
  readonly health: StoreHealth = REACHABLE;
  readonly skew: undefined;
  readonly #file: string;
  readonly #memory: MemoryStore;
  #revision: number;

  private constructor({ file, digest }: Peers, memory: MemoryStore, revision: number) {
    this.clusterId = digest.padStart(16, '0');
    this.instanceId = digest;
    this.#file = file;
    this.#memory = memory;
    this.#revision = revision;
  }

  /** @param self name of this host */
  static async open(peers: Peers, self: string): Promise<StaticStore> {
    const memory = new MemoryStore(peers.digest);
    const revision = await memory.commit([...peersEntries(peers, self)].map(([key, value]) => ({ key, value })));
    return new StaticStore(peers, memory, revision);
  }

  onHealth(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  onSkew(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  /** Nobody takes the place of a host that stands in a file. */
  async openLease(seconds: number): Promise<StoreLease> {
    return { id: '0', seconds, lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} };
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#memory.get(key);
  }

  list(prefix: string): Promise<Listing> {
    return this.#memory.list(prefix);
  }

  /** Takes what this host notes of itself, and what stands there already. @throws {NetworkError} FORBIDDEN for everything else */
  async commit(changes: readonly SharedChange[]): Promise<number> {
    const news: Change[] = [];
    for (const { key, value } of changes) {
      if (isDeepStrictEqual((await this.#memory.get(key))?.value, value)) continue;
      if (!OWN.some((prefix) => key.startsWith(prefix))) throw new NetworkError('FORBIDDEN', `this cluster stands in ${this.#file}, and nowhere else: change that on every host, and start the daemons again`);
      news.push({ key, value });
    }
    // One by one: a watcher has a revision for each.
    for (const change of news) this.#revision = await this.#memory.commit([change]);
    return this.#revision;
  }

  watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent> {
    return this.#memory.watch(prefix, options);
  }

  async *watchBatches(prefix: string, options?: WatchOptions): AsyncIterable<StoreBatch> {
    for await (const event of this.watch(prefix, options)) yield { revision: event.revision, events: [event] };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#memory[Symbol.asyncDispose]();
  }
}
