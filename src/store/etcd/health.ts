import type { NetworkError } from '../../common/error.ts';
import type { StoreHealth } from '../shared-store.ts';
import type { Clock } from './clock.ts';

const REACHABLE: StoreHealth = { isReachable: true, reason: undefined };

/** Whether the servers answer, as far as is known, and who wants to know of it. */
export class Health {
  readonly #clock: Clock;
  readonly #listeners = new Set<(health: StoreHealth) => void>();
  #now: StoreHealth = REACHABLE;
  #answered: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#answered = clock.now();
  }

  get now(): StoreHealth {
    return this.#now;
  }

  /** ms since the last answer. */
  get silence(): number {
    return this.#clock.now() - this.#answered;
  }

  /** An answer came. */
  answered(): void {
    this.#answered = this.#clock.now();
    if (!this.#now.isReachable) this.#change(REACHABLE);
  }

  /** None came from any server. */
  lost(reason: NetworkError): void {
    if (this.#now.isReachable) this.#change({ isReachable: false, reason });
    else this.#now = { isReachable: false, reason };
  }

  /** As {@link SharedStore.onHealth}. */
  on(listener: (health: StoreHealth) => void): Disposable {
    // an object of its own, so that the same listener can be there twice
    const own = (health: StoreHealth): void => listener(health);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  /** Resolves when the servers answer, at once where they do, or when the signal aborts. */
  async reachable(signal: AbortSignal): Promise<void> {
    if (this.#now.isReachable || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    using listening = this.on(({ isReachable }) => isReachable && resolve());
    signal.addEventListener('abort', end);
    await promise;
    signal.removeEventListener('abort', end);
    void listening;
  }

  #change(health: StoreHealth): void {
    this.#now = health;
    for (const listener of this.#listeners) listener(health);
  }
}
