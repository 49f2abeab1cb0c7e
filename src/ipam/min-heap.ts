/** Binary heap of numbers, smallest first. */
export class MinHeap {
  readonly #items: bigint[] = [];

  /** O(log n). */
  push(value: bigint): void {
    const items = this.#items;
    let at = items.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= value) break;
      items[at] = this.#at(parent);
      at = parent;
    }
    items[at] = value;
  }

  /** Takes the smallest out, or gives undefined. O(log n). */
  pop(): bigint | undefined {
    const items = this.#items;
    const smallest = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return smallest;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#at(child + 1) < this.#at(child)) child++;
      if (this.#at(child) >= last) break;
      items[at] = this.#at(child);
      at = child;
    }
    items[at] = last;
    return smallest;
  }

  #at(index: number): bigint {
    return this.#items[index] ?? 0n;
  }
}
