import { memoryAddress, receiveMany, sendMany } from './sys.ts';

/** struct mmsghdr, struct iovec (bits/socket.h, bits/types/struct_iovec.h) where pointers have 64 bits. */
const HEADER = { size: 64, nameLength: 8, vector: 16, vectorLength: 24, flags: 48, length: 56 } as const;
const VECTOR = { size: 16, length: 8 } as const;

/** struct sockaddr_in6, the longer one. */
const ADDRESS_SIZE = 28;
const MSG_TRUNC = 0x20;

/** Datagrams that one call receives or sends at most. */
export const BATCH = 32;

/** Bytes of the longest datagram that is received whole. */
const LONGEST_INPUT = 4096;

/**
 * Receives many datagrams in one system call and sends their answers in another (recvmmsg(2),
 * sendmmsg(2)). Everything lies in one piece of memory that is laid out once and used for every socket in turn, so
 * a batch costs two calls and no allocation: slot i holds the i-th datagram, whose answer goes to whom it came from.
 */
export class DatagramBatch {
  /** All datagrams; that of a slot begins at {@link start}. */
  readonly input: Buffer;
  readonly #outputs: readonly Buffer[];
  readonly #senders: readonly Buffer[];
  readonly #receiving: Buffer;
  /** From each slot on. */
  readonly #sending: readonly Buffer[];
  readonly #words: Uint32Array;
  readonly #receiveAt: number;
  readonly #sendAt: number;
  readonly #vectorAt: number;

  /** @param longest bytes of the longest answer */
  constructor(longest: number) {
    const layout = new Layout();
    this.#receiveAt = layout.take(HEADER.size);
    this.#sendAt = layout.take(HEADER.size);
    const inputVectors = layout.take(VECTOR.size);
    this.#vectorAt = layout.take(VECTOR.size);
    const names = layout.take(ADDRESS_SIZE);
    const inputs = layout.take(LONGEST_INPUT);
    const outputs = layout.take(longest);
    const memory = Buffer.from(new ArrayBuffer(layout.size));
    this.#words = new Uint32Array(memory.buffer);
    const address = memoryAddress(memory);
    const slots = Array.from({ length: BATCH }, (_, slot) => slot);
    for (const slot of slots) {
      for (const [headers, vectors, data, size] of [
        [this.#receiveAt, inputVectors, inputs, LONGEST_INPUT],
        [this.#sendAt, this.#vectorAt, outputs, longest],
      ] as const) {
        const header = headers + slot * HEADER.size;
        const vector = vectors + slot * VECTOR.size;
        memory.writeBigUInt64LE(address + BigInt(names + slot * ADDRESS_SIZE), header);
        memory.writeUInt32LE(ADDRESS_SIZE, header + HEADER.nameLength);
        memory.writeBigUInt64LE(address + BigInt(vector), header + HEADER.vector);
        memory.writeBigUInt64LE(1n, header + HEADER.vectorLength);
        memory.writeBigUInt64LE(address + BigInt(data + slot * size), vector);
        memory.writeBigUInt64LE(BigInt(size), vector + VECTOR.length);
      }
    }
    this.input = memory.subarray(inputs, inputs + BATCH * LONGEST_INPUT);
    this.#outputs = slots.map((slot) => memory.subarray(outputs + slot * longest, outputs + (slot + 1) * longest));
    this.#senders = slots.map((slot) => memory.subarray(names + slot * ADDRESS_SIZE, names + (slot + 1) * ADDRESS_SIZE));
    this.#receiving = memory.subarray(this.#receiveAt, this.#receiveAt + BATCH * HEADER.size);
    this.#sending = slots.map((slot) => memory.subarray(this.#sendAt + slot * HEADER.size, this.#sendAt + BATCH * HEADER.size));
  }

  /** Takes up to `most` datagrams from a socket: how many, none when there is nothing (any more). */
  receive(fd: number, most: number): number {
    const count = receiveMany(fd, this.#receiving, most);
    for (let slot = 0; slot < count; slot++) {
      const receiveAt = this.#word(this.#receiveAt, slot, HEADER.nameLength);
      // The kernel says how long the address is, and wants to be told how long it may be.
      this.#words[this.#word(this.#sendAt, slot, HEADER.nameLength)] = this.#words[receiveAt] ?? 0;
      this.#words[receiveAt] = ADDRESS_SIZE;
    }
    return Math.max(0, count);
  }

  /** Where in {@link input} the datagram of a slot begins. */
  start(slot: number): number {
    return slot * LONGEST_INPUT;
  }

  /** Its length; 0 for one that was too long to be received whole. */
  length(slot: number): number {
    const flags = this.#words[this.#word(this.#receiveAt, slot, HEADER.flags)] ?? 0;
    return (flags & MSG_TRUNC) === 0 ? (this.#words[this.#word(this.#receiveAt, slot, HEADER.length)] ?? 0) : 0;
  }

  /** From whom it came, a raw socket address: true until the next {@link receive}. */
  sender(slot: number): Buffer {
    return this.#senders[slot] as Buffer;
  }

  /** Bytes of {@link sender} that count. */
  senderLength(slot: number): number {
    return this.#words[this.#word(this.#sendAt, slot, HEADER.nameLength)] ?? 0;
  }

  /** Where the answer of a slot is to be written. */
  output(slot: number): Buffer {
    return this.#outputs[slot] as Buffer;
  }

  /** Says how long the answer of a slot is. */
  setAnswer(slot: number, length: number): void {
    this.#words[this.#word(this.#vectorAt, slot, VECTOR.length, VECTOR.size)] = length;
  }

  /**
   * Sends the answers of the slots from `first` up to, not including, `end`. One that cannot be sent (to port 0, say) keeps no other back.
   * @returns how many were sent
   */
  send(fd: number, first: number, end: number): number {
    let sent = 0;
    for (let slot = first; slot < end; ) {
      const count = sendMany(fd, this.#sending[slot] as Buffer, end - slot);
      sent += Math.max(0, count);
      slot += count <= 0 ? 1 : count;
    }
    return sent;
  }

  #word(table: number, slot: number, field: number, size: number = HEADER.size): number {
    return (table + slot * size + field) >>> 2;
  }
}

/** Tables of one entry a slot, one behind the other. */
class Layout {
  size = 0;

  take(entry: number): number {
    const at = this.size;
    this.size += Math.ceil((entry * BATCH) / 8) * 8;
    return at;
  }
}
