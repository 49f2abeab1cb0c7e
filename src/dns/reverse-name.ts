/** Names of addresses: `5.0.0.10.in-addr.arpa` (RFC 1035 §3.5), nibbles below `ip6.arpa` (RFC 3596 §2.5). */
import type { Address } from '../common/address.ts';
import { parseCidr } from '../common/cidr.ts';
import { addressBytes } from './records.ts';
import { fold, knownName } from './name.ts';
import type { Query } from './query.ts';

/** The reverse name of an address, as text. */
export function reverseName(address: Address): string {
  const bytes = addressBytes(address);
  if (address.family === 4) return `${bytes.toReversed().join('.')}.in-addr.arpa`;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${[...digits].toReversed().join('.')}.ip6.arpa`;
}

/** A subnet, for comparing with reverse names. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** CIDR to a prefix. @throws {NetworkError} INVALID */
export function prefixOf(subnet: string): Prefix {
  const cidr = parseCidr(subnet);
  return { bytes: addressBytes({ family: cidr.family, value: cidr.base }), length: cidr.prefix };
}

const V4_ZONE = knownName('in-addr.arpa');
const V6_ZONE = knownName('ip6.arpa');

/** The address in a question's reverse name, or as much of it as is there. One object reads any number of names. */
export class ReverseName {
  readonly #bytes: Uint8Array = new Uint8Array(16);
  #family: 4 | 6 | undefined;
  /** How many bits of an address the name says. */
  #bits = 0;
  /** Whether labels follow that are no part of an address. */
  #isMore = false;

  /** Whether it is less than an address and nothing else: a name that names of addresses end with. */
  get isOnTheWay(): boolean {
    return this.#bits < (this.#family === 4 ? 32 : 128) && !this.#isMore;
  }

  /** Reads a question's name. @returns whether it is a reverse name */
  read(query: Query): boolean {
    const v4 = query.labelOfSuffix(V4_ZONE);
    if (v4 >= 0) this.#read(query, v4, 4);
    const v6 = v4 >= 0 ? -1 : query.labelOfSuffix(V6_ZONE);
    if (v6 >= 0) this.#read(query, v6, 6);
    return v4 >= 0 || v6 >= 0;
  }

  /** Whether it lies in one of the subnets: at the first label that says the whole prefix, or below. */
  isWithin(subnets: readonly Prefix[]): boolean {
    for (const subnet of subnets) {
      if (this.#isWithin(subnet)) return true;
    }
    return false;
  }

  #isWithin(prefix: Prefix): boolean {
    if (prefix.bytes.length !== (this.#family === 4 ? 4 : 16) || this.#bits < prefix.length) return false;
    const whole = prefix.length >> 3;
    for (let at = 0; at < whole; at++) {
      if (this.#bytes[at] !== prefix.bytes[at]) return false;
    }
    const rest = (0xff00 >> (prefix.length & 7)) & 0xff;
    return (((this.#bytes[whole] ?? 0) ^ (prefix.bytes[whole] ?? 0)) & rest) === 0;
  }

  /** From the last label before the zone, the one that says most. */
  #read(query: Query, zone: number, family: 4 | 6): void {
    const { bytes, nameStart, labels } = query;
    const bitsOfLabel = family === 4 ? 8 : 4;
    this.#family = family;
    this.#bits = 0;
    this.#bytes.fill(0);
    let index = zone - 1;
    for (; index >= 0 && this.#bits < (family === 4 ? 32 : 128); index--) {
      const at = nameStart + (labels[index] ?? 0);
      const value = family === 4 ? octet(bytes, at) : nibble(bytes, at);
      if (value < 0) break;
      const byte = this.#bits >> 3;
      this.#bytes[byte] = (this.#bytes[byte] ?? 0) | (value << (8 - bitsOfLabel - (this.#bits & 7)));
      this.#bits += bitsOfLabel;
    }
    this.#isMore = index >= 0;
  }
}

const ZERO = 0x30;

/** Decimal label without leading zeros to a number, or -1. */
function octet(bytes: Uint8Array, at: number): number {
  const length = bytes[at] ?? 0;
  if (length > 3 || (length > 1 && bytes[at + 1] === ZERO)) return -1;
  let value = 0;
  for (let index = at + 1; index <= at + length; index++) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > 255 ? -1 : value;
}

/** Label of one hexadecimal digit to a number, or -1. */
function nibble(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 1) return -1;
  const code = fold(bytes[at + 1] ?? 0);
  if (code >= ZERO && code <= ZERO + 9) return code - ZERO;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1;
}
