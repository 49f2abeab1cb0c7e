/** A thing among {@link Deadlines}: whoever has one is waited for. */
export interface Deadline<T> {
  readonly thing: T;
  /** By the clock, ms. */
  due: number;
  before: Deadline<T> | undefined;
  after: Deadline<T> | undefined;
  isWaiting: boolean;
}

/**
 * Things that end when nobody has touched them for a time, the same for all of them: they stand in
 * the order in which they are due, so that touching one and finding the next cost the same however many
 * there are. A list and not a `Map`, because each table that a Map outgrows or thins out stays in memory with
 * all that stood in it until V8 looks through its old space: a flood of short-lived things made it stop for 50 ms.
 */
export class Deadlines<T> {
  readonly #time: number;
  readonly #now: () => number;
  #first: Deadline<T> | undefined;
  #last: Deadline<T> | undefined;

  /**
   * @param time ms
   * @param now ms of any clock that never goes back
   */
  constructor(time: number, now: () => number) {
    this.#time = time;
    this.#now = now;
  }

  /** What has not been touched for longest. */
  get first(): T | undefined {
    return this.#first?.thing;
  }

  /** When it is due; Infinity when nothing ever is. */
  get next(): number {
    return this.#first?.due ?? Infinity;
  }

  /** Gives a thing a deadline, which is not waited for before it is touched. */
  make(thing: T): Deadline<T> {
    return { thing, due: 0, before: undefined, after: undefined, isWaiting: false };
  }

  /** Begins to wait, or gives the whole time again. */
  touch(deadline: Deadline<T>): void {
    this.cancel(deadline);
    deadline.due = this.#now() + this.#time;
    deadline.before = this.#last;
    deadline.isWaiting = true;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.after = deadline;
    this.#last = deadline;
  }

  /** Waits no more. */
  cancel(deadline: Deadline<T>): void {
    if (!deadline.isWaiting) return;
    const { before, after } = deadline;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    deadline.before = undefined;
    deadline.after = undefined;
    deadline.isWaiting = false;
  }

  /** Hands over what is due, and waits for it no more. */
  expire(end: (thing: T) => void): void {
    const now = this.#now();
    for (let first = this.#first; first !== undefined && first.due <= now; first = this.#first) {
      this.cancel(first);
      end(first.thing);
    }
  }
}
