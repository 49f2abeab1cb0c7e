import { endianness } from 'node:os';
import { NETLINK, NLM_F } from './constants.ts';

if (endianness() !== 'LE') throw new Error('the netlink codec writes little-endian numbers; this machine is big-endian');

const align = (length: number): number => (length + 3) & ~3;

/**
 * Builds netlink messages one behind the other in one buffer, so that many requests go in one send
 * (RFC 3549; linux/netlink.h). Numbers are in host order unless the name says big-endian.
 */
export class MessageWriter {
  #bytes: Buffer;
  #end = 0;
  #start = -1;
  #count = 0;

  constructor(size = 4096) {
    this.#bytes = Buffer.alloc(size);
  }

  /** How many messages were begun. */
  get count(): number {
    return this.#count;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#end;
  }

  /** Forgets everything, keeps the memory. */
  clear(): void {
    this.#bytes.fill(0, 0, this.#end);
    this.#end = 0;
    this.#start = -1;
    this.#count = 0;
  }

  /** Starts a request; what follows belongs to it. */
  begin(type: number, flags: number, sequence: number): this {
    this.finish();
    this.#start = this.#reserve(NETLINK.HEADER);
    this.#bytes.writeUInt16LE(type, this.#start + 4);
    this.#bytes.writeUInt16LE(flags | NLM_F.REQUEST, this.#start + 6);
    this.#bytes.writeUInt32LE(sequence, this.#start + 8);
    this.#count++;
    return this;
  }

  /** Closes the last message and hands out all of them; valid until the next call. */
  finish(): Buffer {
    if (this.#start >= 0) this.#bytes.writeUInt32LE(this.#end - this.#start, this.#start);
    this.#start = -1;
    return this.#bytes.subarray(0, this.#end);
  }

  /** struct ifinfomsg */
  interfaceInfo(index: number, flags = 0, change = 0, family = 0): this {
    const at = this.#reserve(16);
    this.#bytes[at] = family;
    this.#bytes.writeInt32LE(index, at + 4);
    this.#bytes.writeUInt32LE(flags, at + 8);
    this.#bytes.writeUInt32LE(change, at + 12);
    return this;
  }

  /** struct ifaddrmsg */
  addressInfo(family: number, prefix: number, index: number, scope = 0): this {
    const at = this.#reserve(8);
    this.#bytes.set([family, prefix, 0, scope], at);
    this.#bytes.writeUInt32LE(index, at + 4);
    return this;
  }

  /** struct rtmsg */
  routeInfo(family: number, prefix: number, table: number, protocol: number, scope: number, type: number): this {
    const at = this.#reserve(12);
    this.#bytes.set([family, prefix, 0, 0, table, protocol, scope, type], at);
    return this;
  }

  /** Any fixed header, as bytes. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  u8(type: number, value: number): this {
    // Not in one expression: reserving may replace the buffer.
    const at = this.#attribute(type, 1);
    this.#bytes[at] = value;
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  u16BigEndian(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32LE(value, at);
    return this;
  }

  /** NUL-terminated text. */
  text(type: number, value: string): this {
    const at = this.#attribute(type, Buffer.byteLength(value) + 1);
    this.#bytes.write(value, at);
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** An attribute that holds attributes. */
  nest(type: number, content: (writer: this) => void): this {
    const at = this.#reserve(NETLINK.ATTRIBUTE_HEADER);
    this.#bytes.writeUInt16LE(type | NETLINK.NESTED, at + 2);
    content(this);
    if (this.#end - at > 0xffff) throw new RangeError(`netlink attribute ${type} is longer than 65535 bytes`);
    this.#bytes.writeUInt16LE(this.#end - at, at);
    return this;
  }

  #attribute(type: number, length: number): number {
    const total = NETLINK.ATTRIBUTE_HEADER + length;
    if (total > 0xffff) throw new RangeError(`netlink attribute ${type} is longer than 65535 bytes`);
    const at = this.#reserve(total);
    this.#bytes.writeUInt16LE(total, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return at + NETLINK.ATTRIBUTE_HEADER;
  }

  #reserve(length: number): number {
    const at = this.#end;
    const end = align(at + length);
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#end = end;
    return at;
  }
}
