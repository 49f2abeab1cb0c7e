/**
 * Ids that the engine has just used. It lists what it makes only when that is finished, so
 * something new to it must not pass for something that it has forgotten.
 */
export class Recent {
  readonly #now: () => number;
  readonly #span: number;
  readonly #times = new Map<string, number>();

  /** @param span ms for which an id counts as recent */
  constructor(now: () => number, span: number) {
    this.#now = now;
    this.#span = span;
  }

  /** The engine has just used this id. */
  touch(id: string): void {
    this.#times.set(id, this.#now());
  }

  /** Whether it did so within the span. */
  has(id: string): boolean {
    const time = this.#times.get(id);
    return time !== undefined && this.#now() - time < this.#span;
  }

  /** Forgets what is no longer recent. */
  prune(): void {
    for (const id of this.#times.keys()) if (!this.has(id)) this.#times.delete(id);
  }
}
