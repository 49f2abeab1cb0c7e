import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import { checkChanges } from '../checked-change.ts';
import { OutcomeUnknown } from '../outcome-unknown.ts';
import type { KnownEntries, SharedChange, SharedStore, StoreBatch, StoreHealth, StoreLease, StoreSkew } from '../shared-store.ts';
import type { CommitOptions, Entry, Listing, StoreEvent, WatchOptions } from '../store.ts';
import { Compacted } from './compacted.ts';
import { closed, type Gateway } from './gateway.ts';
import type { Identity } from './identity.ts';
import { EtcdLease, openEtcdLease } from './lease.ts';
import { listChanges } from './list-changes.ts';
import { entryOf, listEntries } from './list-entries.ts';
import { Pulse } from './pulse.ts';
import { Slots } from './slots.ts';
import { Transactions, type EtcdChange } from './transactions.ts';
import { Turns } from './turns.ts';
import { EtcdWatch, type WatchSurroundings } from './watch.ts';
import { AnswerTooLarge } from './wire.ts';

/** Requests of callers that are under way at once; each has a connection. What keeps leases alive is not among them. */
const REQUESTS = 16;

/** What a store is made of. */
export interface EtcdStoreParts extends Omit<WatchSurroundings, 'transactions'> {
  readonly identity: Identity;
  /** How long a server is waited for, ms. */
  readonly timeout: number;
}

/** The part of an etcd cluster that is ours. */
export class EtcdStore implements SharedStore {
  readonly instanceId: string;
  readonly #parts: EtcdStoreParts;
  readonly #gateway: Gateway;
  readonly #transactions: Transactions;
  readonly #pulse: Pulse;
  readonly #slots = new Slots(REQUESTS);
  readonly #turns = new Turns();
  readonly #commits = new Set<Promise<unknown>>();
  readonly #watches = new Set<EtcdWatch>();
  readonly #leases = new Set<EtcdLease>();
  #isClosed = false;

  constructor(parts: EtcdStoreParts) {
    const { gateway, keys, identity, health, clock, random } = parts;
    this.instanceId = identity.instanceId;
    this.#parts = parts;
    this.#gateway = gateway;
    this.#transactions = new Transactions(gateway, keys, identity, random);
    this.#pulse = new Pulse(health, clock, random, () => this.#transactions.read());
    // opened without an answer
    if (gateway.revision === 0) this.#pulse.soon();
  }

  get clusterId(): string {
    return this.#gateway.clusterId;
  }

  get health(): StoreHealth {
    return this.#parts.health.now;
  }

  onHealth(listener: (health: StoreHealth) => void): Disposable {
    return this.#parts.health.on(listener);
  }

  get skew(): StoreSkew | undefined {
    return this.#gateway.skew.now;
  }

  onSkew(listener: (skew: StoreSkew | undefined) => void): Disposable {
    return this.#gateway.skew.on(listener);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#requireOpen();
    const { keys } = this.#parts;
    const { ranges } = await this.#slots.run(() => this.#transactions.read({ key: keys.encode(key) }));
    const found = ranges[0]?.kvs?.[0];
    return found === undefined ? undefined : entryOf(keys, found);
  }

  async list(prefix: string, known?: KnownEntries): Promise<Listing> {
    this.#requireOpen();
    return this.#slots.run(async () => {
      const changes = known === undefined ? undefined : await listChanges(this.#transactions, this.#parts.keys, prefix, known).catch(orAll);
      return changes ?? listEntries(this.#transactions, this.#parts.keys, prefix);
    });
  }

  async commit(changes: readonly SharedChange[], { checks = [] }: CommitOptions = {}): Promise<number> {
    this.#requireOpen();
    const checked = checkChanges(changes, checks);
    const leases = changes.map(({ lease }) => (lease === undefined ? undefined : this.#own(lease)));
    const bound = checked.map((change, at) => ({ ...change, lease: leases[at]?.number }));
    const conditions = checks.map(({ key, expected }) => ({ key, expected }));
    const keys = [...checked, ...conditions].map(({ key }) => key);
    const committed = this.#turns.run(keys, () => this.#slots.run(() => this.#transactions.write(bound, conditions)));
    this.#commits.add(committed);
    try {
      const revision = await committed;
      this.#noteOwn(bound, revision);
      return revision;
    } catch (error) {
      this.#look(error, leases);
      throw error;
    } finally {
      this.#commits.delete(committed);
    }
  }

  watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent> {
    return this.#watch(prefix, options).events();
  }

  watchBatches(prefix: string, options?: WatchOptions): AsyncIterable<StoreBatch> {
    return this.#watch(prefix, options).batches();
  }

  async openLease(seconds: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<StoreLease> {
    this.#requireOpen();
    signal?.throwIfAborted();
    const lease = await openEtcdLease(seconds, this.#parts);
    this.#leases.add(lease);
    lease.lost.addEventListener('abort', () => this.#leases.delete(lease));
    if (!this.#isClosed && signal?.aborted !== true) return lease;
    this.#leases.delete(lease);
    await lease[Symbol.asyncDispose]();
    throw signal?.aborted === true ? new NetworkError('ABORTED', 'the lease was given back because the caller gave up') : closed();
  }

  /** Waits for commits that are under way. Leases that were not disposed of are left to end by themselves: who comes back in time binds its keys to another one, and nobody notices. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#commits);
    await Promise.all([...this.#watches].map((watch) => watch.finish(this.#parts.timeout)));
    this.#pulse[Symbol.dispose]();
    for (const lease of this.#leases) lease.stop();
    this.#gateway[Symbol.dispose]();
  }

  #watch(prefix: string, options: WatchOptions = {}): EtcdWatch {
    this.#requireOpen();
    const watch: EtcdWatch = new EtcdWatch(prefix, options, { ...this.#parts, transactions: this.#transactions }, () => this.#watches.delete(watch));
    if (options.signal?.aborted !== true) this.#watches.add(watch);
    return watch;
  }

  #noteOwn(changes: readonly EtcdChange[], revision: number): void {
    const keys = changes.map(({ key }) => key);
    for (const watch of this.#watches) watch.owe(keys, revision);
  }

  /** What a failed commit says about the servers, and about its leases. */
  #look(error: unknown, leases: readonly (EtcdLease | undefined)[]): void {
    if (error instanceof OutcomeUnknown) this.#pulse.soon();
    if (error instanceof NetworkError && error.code === 'NOT_FOUND') for (const lease of leases) lease?.renew();
  }

  #own(lease: StoreLease): EtcdLease {
    if (!(lease instanceof EtcdLease)) throw new NetworkError('INVALID', `lease ${quote(lease.id)} is none of this store`);
    if (!lease.isAlive) throw new NetworkError('NOT_FOUND', `lease ${lease.id} is over: open another one`);
    return lease;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed();
  }
}

/** What is too much at once, or was compacted meanwhile, is read in pages. */
function orAll(error: unknown): undefined {
  if (!(error instanceof Compacted || error instanceof AnswerTooLarge)) throw error;
}
