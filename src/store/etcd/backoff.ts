/**
 * How long to wait before the next try: twice as long each time, and never quite the same, so that a
 * thousand hosts do not come back to a server at the same moment.
 */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #tries = 0;

  /**
   * @param first ms
   * @param longest ms
   * @param random gives numbers from 0 up to 1
   */
  constructor(first: number, longest: number, random: () => number) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** ms: from half to all of what the number of tries calls for. */
  next(): number {
    const whole = Math.min(this.#first * 2 ** this.#tries, this.#longest);
    this.#tries += 1;
    return whole * (0.5 + this.#random() / 2);
  }

  /** It went well. */
  reset(): void {
    this.#tries = 0;
  }
}
