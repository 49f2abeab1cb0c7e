import { setU16 } from './bytes.ts';

/** Bytes of a message's length before it (RFC 1035 §4.2.2). */
const PREFIX = 2;
const LONGEST = 65_535;

/** Messages one behind the other, as a TCP stream carries them, until they are sent together. */
export class MessageOutput {
  readonly #bytes: Buffer = Buffer.alloc(2 * (PREFIX + LONGEST));
  #filled = 0;

  /** Whether the longest message would not fit any more: {@link take} what is there first. */
  get isFull(): boolean {
    return this.#filled > PREFIX + LONGEST;
  }

  /** Where the next message is to be written. */
  get space(): Buffer {
    return this.#bytes.subarray(this.#filled + PREFIX, this.#filled + PREFIX + LONGEST);
  }

  /** Adds the message that stands in {@link space}. */
  add(length: number): void {
    setU16(this.#bytes, this.#filled, length);
    this.#filled += PREFIX + length;
  }

  /** Everything that was added, valid until more is. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    return taken;
  }
}
