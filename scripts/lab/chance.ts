/** Random choices that follow from a number. */
export class Chance {
  #state: number;

  /** @param seed the same one gives the same choices */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** One of these. */
  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#next() * from.length)] as T;
  }

  /** 0 up to 1. Mulberry32, by Tommy Ettinger (public domain). */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
