interface Stay {
  readonly value: bigint;
  readonly since: number;
}

/**
 * Numbers held back for a while after they were freed, in the order in which they came. A queue
 * beside the map: a Map alone keeps deleted entries in front, and finding its first is then slow.
 */
export class Quarantine {
  readonly #duration: number;
  readonly #now: () => number;
  readonly #stays = new Map<bigint, Stay>();
  #queue: Stay[] = [];
  #head = 0;

  /** `duration` and the clock's answers are in ms; the clock never runs backwards. */
  constructor(duration: number, now: () => number) {
    this.#duration = duration;
    this.#now = now;
  }

  /** Is held back. */
  has(value: bigint): boolean {
    return this.#stays.has(value);
  }

  /** Holds a number back from now on; it is not held yet. */
  hold(value: bigint): void {
    const stay = { value, since: this.#now() };
    this.#stays.set(value, stay);
    this.#queue.push(stay);
  }

  /** Lets one go early; nothing to do when it is not held. */
  drop(value: bigint): void {
    this.#stays.delete(value);
  }

  /** Lets all go early but these. */
  keep(isMeant: (value: bigint) => boolean): void {
    for (const value of this.#stays.keys()) if (!isMeant(value)) this.#stays.delete(value);
  }

  /** Lets all go whose time is over, and gives them to `freed`. */
  end(freed: (value: bigint) => void): void {
    const over = this.#now() - this.#duration;
    for (let stay = this.#first(); stay !== undefined && stay.since <= over; stay = this.#first()) {
      this.#stays.delete(stay.value);
      freed(stay.value);
    }
  }

  /** The one held longest. */
  oldest(): bigint | undefined {
    return this.#first()?.value;
  }

  #first(): Stay | undefined {
    for (; this.#head < this.#queue.length; this.#head++) {
      const stay = this.#queue[this.#head];
      if (stay !== undefined && this.#stays.get(stay.value) === stay) {
        if (this.#head * 2 > this.#queue.length) this.#compact();
        return stay;
      }
    }
    this.#compact();
    return undefined;
  }

  /** At most as many steps as the head has moved since the last time. */
  #compact(): void {
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
