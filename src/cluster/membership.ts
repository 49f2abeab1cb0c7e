import { setTimeout } from 'node:timers/promises';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { SharedStore, StoreLease } from '../store/shared-store.ts';
import { addressKey, hostKey } from './keys.ts';
import { whenReachable } from './when-reachable.ts';
import type { Mirror } from './mirror.ts';
import { readRecord } from './read-record.ts';
import type { HostRecord } from './records.ts';

/** s. So long after its last sign of life a host counts as there. */
const LEASE = 10;

/** ms between two attempts where the store answers and refuses. */
const PAUSE = 2_000;

/** Who hears how it goes. */
export interface MembershipListener {
  readonly joined: () => void;
  /** Why this host is not among the others, each time that it tried. */
  readonly refused: (error: NetworkError) => void;
}

/** The place of this host among the others: it is there as long as its lease is. */
export class Membership implements AsyncDisposable {
  readonly #store: SharedStore;
  readonly #mirror: Mirror;
  readonly #self: () => HostRecord;
  readonly #listener: MembershipListener;
  readonly #end = new AbortController();
  #over: Promise<void> = Promise.resolve();

  constructor(store: SharedStore, mirror: Mirror, self: () => HostRecord, listener: MembershipListener) {
    this.#store = store;
    this.#mirror = mirror;
    this.#self = self;
    this.#listener = listener;
  }

  /** Begins: takes the place, and takes it again whenever the lease was lost. */
  start(): void {
    this.#over = this.#run(this.#end.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    // Its traffic goes on without a daemon: the lease is left to run out, and whoever takes the place again before then was never gone.
    await this.#over;
  }

  /**
   * Takes the place once.
   * @throws {NetworkError} IN_USE when another host has the address or the id, UNAVAILABLE
   */
  async join(signal: AbortSignal): Promise<StoreLease> {
    const lease = await this.#store.openLease(LEASE, { signal });
    try {
      await this.#register(lease);
    } catch (error) {
      await Promise.resolve(lease[Symbol.asyncDispose]()).catch(() => {});
      throw error;
    }
    return lease;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const lease = await this.join(signal);
        this.#listener.joined();
        await over(lease.lost, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#listener.refused(NetworkError.from(thrown));
        await this.#pause(NetworkError.from(thrown), signal).catch(() => {});
      }
    }
  }

  /** Somebody else's place is free when that one's lease is over; a store that does not answer says when it does. */
  async #pause(error: NetworkError, signal: AbortSignal): Promise<void> {
    const self = this.#self();
    if (error.code === 'IN_USE') await this.#mirror.until(({ hosts }) => [...hosts.values()].every(({ id, address }) => id !== self.id && address !== self.address), signal);
    else {
      // A right that is lacking, or a disk that is full, is so a moment later too.
      if (this.#store.health.isReachable) await setTimeout(PAUSE, undefined, { signal });
      await whenReachable(this.#store, signal);
    }
  }

  async #register(lease: StoreLease): Promise<void> {
    const self = this.#self();
    const [owner, same] = await Promise.all([this.#store.get(addressKey(self.address)), this.#store.get(hostKey(self.id))]);
    const other = readHost(self.id, same?.value);
    // Its name proves nothing: copies of a machine have the same.
    if (other !== undefined && other.address !== self.address) {
      throw new NetworkError('IN_USE', `host ${quote(other.name)} at ${other.address} has the id ${self.id} of this one: was its state folder copied? Use an empty one, or wait ${String(LEASE)} s if this is that host with another address`);
    }
    if (owner !== undefined && owner.value !== self.id) {
      const name = this.#mirror.directory.hosts.get(String(owner.value))?.name ?? String(owner.value);
      throw new NetworkError('IN_USE', `address ${self.address} is advertised by host ${quote(name)} already: give each host its own (--advertise), or wait until that one is gone`);
    }
    await this.#store.commit([
      { key: addressKey(self.address), value: self.id, lease, expected: owner?.revision ?? 0 },
      { key: hostKey(self.id), value: self, lease, expected: same?.revision ?? 0 },
    ]);
  }
}

/** The host that has this id; what makes no sense there is nobody's, and makes way. */
function readHost(id: string, value: unknown): HostRecord | undefined {
  const read = readRecord(hostKey(id), value);
  return typeof read === 'object' && read.kind === 'host' ? read.record : undefined;
}

/** Resolves when either of them has aborted. */
function over(...signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const any = AbortSignal.any([...signals]);
  any.addEventListener('abort', () => resolve(), { once: true });
  if (any.aborted) resolve();
  return promise;
}
