/** The servers of a cluster, and the one of them that is used. */
export class Endpoints {
  readonly #all: readonly string[];
  readonly #streams = new Map<object, { readonly endpoint: string; readonly end: () => void }>();
  #at: number;

  /** @param random gives numbers from 0 up to 1: many hosts with the same list begin at different servers */
  constructor(all: readonly string[], random: () => number) {
    this.#all = all;
    this.#at = Math.floor(random() * all.length);
  }

  /** The server to ask. */
  get current(): string {
    return this.#all[this.#at] ?? '';
  }

  /** Every server once, beginning with the current one. */
  round(): readonly string[] {
    return [...this.#all.slice(this.#at), ...this.#all.slice(0, this.#at)];
  }

  /** This one did not answer: the next one is used, and streams from it end. */
  leave(endpoint: string): void {
    if (endpoint !== this.current) return;
    this.#at = (this.#at + 1) % this.#all.length;
    for (const stream of this.#streams.values()) if (stream.endpoint === endpoint) stream.end();
  }

  /** Calls when the server is left; disposing forgets it. */
  whenLeft(endpoint: string, end: () => void): Disposable {
    const key = {};
    this.#streams.set(key, { endpoint, end });
    return { [Symbol.dispose]: () => void this.#streams.delete(key) };
  }
}
