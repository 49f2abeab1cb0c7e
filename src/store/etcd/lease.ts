import { NetworkError } from '../../common/error.ts';
import type { StoreLease } from '../shared-store.ts';
import type { Clock } from './clock.ts';
import type { Gateway } from './gateway.ts';
import type { Health } from './health.ts';
import type { LeaseAnswer } from './messages.ts';

/** Renewed this often while it would last, so that two renewals may fail. */
const RENEWALS = 3;
/** And up to this part of that time earlier. */
const SPREAD = 0.2;

/** What a lease works with. */
export interface LeaseSurroundings {
  readonly gateway: Gateway;
  readonly health: Health;
  readonly clock: Clock;
  /** Gives numbers from 0 up to 1. */
  readonly random: () => number;
}

/**
 * Opens a lease that the store keeps alive.
 * @param seconds whole, from 2 up
 * @throws {NetworkError} as {@link SharedStore.openLease}
 */
export async function openEtcdLease(seconds: number, surroundings: LeaseSurroundings): Promise<EtcdLease> {
  if (!Number.isInteger(seconds) || seconds < 2) throw new NetworkError('INVALID', `a lease of ${seconds} s cannot be had: give whole seconds from 2 up`);
  const { gateway, random } = surroundings;
  // We choose the number, so that it can be asked for again when the answer was lost: then it exists.
  const number = String(1n + BigInt(Math.floor(random() * 2 ** 31)) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32)));
  const granted = await gateway.call<LeaseAnswer>('lease/grant', { TTL: String(seconds), ID: number }, 'read').catch((error: unknown) => {
    if (!(error instanceof NetworkError) || error.code !== 'EXISTS') throw error;
    return gateway.call<LeaseAnswer>('lease/keepalive', { ID: number }, 'read');
  });
  return new EtcdLease(number, Number(granted.answer.TTL ?? 0), surroundings);
}

/** A lease of etcd, renewed by a timer and whenever the servers are back. */
export class EtcdLease implements StoreLease {
  /** int64 as text: what etcd's gateway calls it. */
  readonly number: string;
  readonly seconds: number;
  readonly #surroundings: LeaseSurroundings;
  readonly #lost = new AbortController();
  readonly #listening: Disposable;
  #timer: Disposable | undefined;
  #isAsking = false;
  #isOver = false;

  constructor(number: string, seconds: number, surroundings: LeaseSurroundings) {
    this.number = number;
    this.seconds = seconds;
    this.#surroundings = surroundings;
    this.#listening = surroundings.health.on(({ isReachable }) => isReachable && this.renew());
    this.#arm();
  }

  get id(): string {
    return BigInt(this.number).toString(16);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether keys may still be bound to it, as far as is known. */
  get isAlive(): boolean {
    return !this.#isOver;
  }

  /** Renews it now, or learns that it is over. */
  renew(): void {
    if (!this.#isAsking && !this.#isOver) void this.#renew();
  }

  /** Keeps it alive no longer; it ends when its time is over. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#listening[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.stop();
    // Where nobody answers it ends by itself, and one that is not found has.
    await this.#surroundings.gateway.call('lease/revoke', { ID: this.number }, 'read').catch(() => {});
  }

  async #renew(): Promise<void> {
    this.#isAsking = true;
    this.#timer?.[Symbol.dispose]();
    const left = await this.#ask();
    this.#isAsking = false;
    if (this.#isOver) return;
    if (left > 0) return this.#arm();
    this.stop();
    this.#lost.abort(new NetworkError('UNAVAILABLE', `lease ${this.id} is over: etcd had not heard of us for ${this.seconds} s, or somebody revoked it`));
  }

  /** s that it lives from now. Without an answer nothing is known, and it may well live: a new leader gives every lease its whole time again. */
  async #ask(): Promise<number> {
    try {
      const { answer } = await this.#surroundings.gateway.call<LeaseAnswer>('lease/keepalive', { ID: this.number }, 'read');
      return Number(answer.TTL ?? 0);
    } catch (error) {
      return error instanceof NetworkError && error.code === 'NOT_FOUND' ? 0 : this.seconds;
    }
  }

  #arm(): void {
    const { clock, random } = this.#surroundings;
    // Servers that come back hear of all hosts at once; they are not to go on doing so.
    const wait = ((this.seconds * 1000) / RENEWALS) * (1 - SPREAD * random());
    this.#timer = clock.after(wait, () => this.renew());
  }
}
