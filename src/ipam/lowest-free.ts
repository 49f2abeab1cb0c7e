import { MinHeap } from './min-heap.ts';

/**
 * The numbers of an inclusive range, handed out lowest first. Memory grows with what was taken,
 * never with the range, so a /64 costs no more than a /24: everything at or above a high-water
 * mark is free unless taken by name, and what came back below the mark waits in a heap.
 */
export class LowestFree {
  readonly #last: bigint;
  #mark: bigint;
  readonly #returned = new MinHeap();
  /** What lies in the heap, so that nothing enters twice. */
  readonly #waiting = new Set<bigint>();

  constructor(first: bigint, last: bigint) {
    this.#mark = first;
    this.#last = last;
  }

  /** The lowest number that `isTaken` does not claim, or undefined. Amortised O(log n). */
  next(isTaken: (value: bigint) => boolean): bigint | undefined {
    for (let low = this.#returned.pop(); low !== undefined; low = this.#returned.pop()) {
      this.#waiting.delete(low);
      if (!isTaken(low)) return low;
    }
    while (this.#mark <= this.#last) {
      const value = this.#mark++;
      if (!isTaken(value)) return value;
    }
    return undefined;
  }

  /** A number is free again: call it once nothing claims it any more. */
  give(value: bigint): void {
    if (value >= this.#mark || this.#waiting.has(value)) return;
    this.#waiting.add(value);
    this.#returned.push(value);
  }
}
