import type { StoreSkew } from '../shared-store.ts';
import type { Clock } from './clock.ts';

/** ms that clocks may differ before it is said, and that they may still differ when it is over: one second more or less is not told apart. */
const NOTICED = 5_000;
const OVER = 3_000;

/** The Date header has whole seconds (RFC 9110 §5.6.7), ms. */
const RESOLUTION = 1_000;

/**
 * How far the clock of the server that answers is from this host's, by the Date header of its answers. Only what cannot be
 * explained by the time that an answer took counts as a difference.
 */
export class ClockSkew {
  readonly #clock: Clock;
  readonly #listeners = new Set<(skew: StoreSkew | undefined) => void>();
  #now: StoreSkew | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As {@link SharedStore.skew}. */
  get now(): StoreSkew | undefined {
    return this.#now;
  }

  /** Notes the time at which something is asked for. @returns what takes the server that answered, and its Date header */
  ask(): (server: string, date: string | undefined) => void {
    const asked = this.#clock.wall();
    return (server, date) => {
      const theirs = Date.parse(date ?? '');
      if (!Number.isNaN(theirs)) this.#note(server, leastDifference(theirs, asked, this.#clock.wall()));
    };
  }

  /** As {@link SharedStore.onSkew}. */
  on(listener: (skew: StoreSkew | undefined) => void): Disposable {
    const own = (skew: StoreSkew | undefined): void => listener(skew);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  #note(server: string, ahead: number): void {
    const before = this.#now;
    const isFar = Math.abs(ahead) >= (before === undefined ? NOTICED : OVER);
    if (isFar && before?.server === server && Math.abs(ahead - before.ahead) < NOTICED) return;
    if (!isFar && before === undefined) return;
    this.#now = isFar ? { server, ahead } : undefined;
    for (const listener of this.#listeners) listener(this.#now);
  }
}

/** ms by which their clock is ahead at least; less than 0: behind. @param theirs when they answered, some time between the other two */
function leastDifference(theirs: number, asked: number, answered: number): number {
  if (theirs > answered) return theirs - answered;
  return Math.min(0, theirs + RESOLUTION - asked);
}
