/**
 * Things that end when nobody has touched them for a time, the same for all of them: they stand in
 * the order in which they are due, so that touching one and finding the next cost the same however many there are.
 */
export class Deadlines<T> {
  readonly #due = new Map<T, number>();
  readonly #time: number;
  readonly #now: () => number;

  /**
   * @param time ms
   * @param now ms of any clock that never goes back
   */
  constructor(time: number, now: () => number) {
    this.#time = time;
    this.#now = now;
  }

  /** Adds a thing, or gives it the whole time again. */
  touch(thing: T): void {
    this.#due.delete(thing);
    this.#due.set(thing, this.#now() + this.#time);
  }

  delete(thing: T): void {
    this.#due.delete(thing);
  }

  /** What has not been touched for longest. */
  get first(): T | undefined {
    const [first] = this.#due.keys();
    return first;
  }

  /** When the first is due; undefined when nothing ever is. */
  get next(): number | undefined {
    for (const due of this.#due.values()) return due;
    return undefined;
  }

  /** Takes out what is due and hands it over. */
  expire(end: (thing: T) => void): void {
    const now = this.#now();
    for (const [thing, due] of this.#due) {
      if (due > now) return;
      this.#due.delete(thing);
      end(thing);
    }
  }
}
