/** Bytes of a message's length before it. */
const PREFIX = 2;

/**
 * Cuts a TCP stream into messages, each behind its length (RFC 1035 §4.2.2), wherever the pieces in which
 * it comes are cut. Holds nothing but the message of which a part is there.
 */
export class StreamMessages {
  readonly #longest: number;
  /** First byte of a length of which only that is there; -1 when not even that is. */
  #high = -1;
  #partial: Uint8Array | undefined;
  #filled = 0;

  /** @param longest bytes of a message; a longer one is not waited for */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /**
   * Takes the next `length` bytes of the stream.
   * @param take is given each message that is complete, true during the call only
   * @returns false when the rest of the stream is of no use: a message without a byte, or too long
   */
  push(bytes: Uint8Array, length: number, take: (bytes: Uint8Array, start: number, end: number) => void): boolean {
    for (let at = 0; at < length; ) {
      if (this.#partial !== undefined) {
        at = this.#fill(this.#partial, bytes, at, length);
        if (this.#filled < this.#partial.length) return true;
        const complete = this.#partial;
        this.#partial = undefined;
        take(complete, 0, complete.length);
        continue;
      }
      if (this.#high < 0 && length - at < PREFIX) {
        this.#high = bytes[at] ?? 0;
        return true;
      }
      const high = this.#high < 0 ? (bytes[at++] ?? 0) : this.#high;
      const size = (high << 8) | (bytes[at++] ?? 0);
      this.#high = -1;
      if (size === 0 || size > this.#longest) return false;
      if (at + size <= length) {
        take(bytes, at, at + size);
        at += size;
      } else {
        this.#partial = new Uint8Array(size);
        this.#filled = 0;
      }
    }
    return true;
  }

  #fill(to: Uint8Array, from: Uint8Array, at: number, length: number): number {
    const end = Math.min(length, at + to.length - this.#filled);
    to.set(from.subarray(at, end), this.#filled);
    this.#filled += end - at;
    return end;
  }
}
