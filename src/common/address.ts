import { formatV4, parseV4 } from './address-v4.ts';
import { formatV6, parseV6 } from './address-v6.ts';
import { NetworkError } from './error.ts';
import { quote } from './quote.ts';

/** IP version. */
export type Family = 4 | 6;

/**
 * An IP address for calculating with. Records, messages and the wire carry its canonical text
 * ({@link formatAddress}) instead: two texts are equal exactly when the addresses are.
 */
export interface Address {
  readonly family: Family;
  /** Unsigned, in network order: 10.0.0.1 is 0x0a000001n. */
  readonly value: bigint;
}

/** Bits of an address: 32 or 128. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** As {@link parseAddress}, but undefined for what is no address. */
export function tryParseAddress(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { family: 4, value: BigInt(v4) };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { family: 6, value: v6 };
}

/**
 * Plain address text to an address: dotted IPv4 without leading zeros, or any RFC 4291 form of
 * IPv6 without a scope id. `::ffff:10.0.0.1` stays IPv6.
 *
 * @throws {NetworkError} INVALID
 */
export function parseAddress(text: string): Address {
  const address = tryParseAddress(text);
  if (address === undefined) throw new NetworkError('INVALID', `${quote(text)} is not an IP address: ${whyNot(text)}`);
  return address;
}

/** Canonical text: dotted IPv4, RFC 5952 IPv6. */
export function formatAddress(address: Address): string {
  return address.family === 4 ? formatV4(Number(address.value)) : formatV6(address.value);
}

/**
 * Any valid text of an address to its canonical one.
 * @throws {NetworkError} INVALID
 */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/**
 * Family of an address text (with or without `/length`).
 * @throws {NetworkError} INVALID when it is no address
 */
export function familyOf(text: string): Family {
  return parseAddress(withoutLength(text)).family;
}

/** `10.0.0.5/24` to `10.0.0.5`: what stands before the prefix length, whatever that is. A plain address stays as it is. */
export function withoutLength(cidr: string): string {
  const slash = cidr.indexOf('/');
  return slash < 0 ? cidr : cidr.slice(0, slash);
}

/** Same family and value. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

/** For sorting: IPv4 first, then by value. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : Number(a.value > b.value);
}

function whyNot(text: string): string {
  if (text === '') return 'it is empty';
  if (text.includes('/')) return 'leave out the prefix length';
  if (text.includes('%')) return 'leave out the scope id';
  if (/^\d+(\.\d+){3}$/.test(text)) {
    return /(^|\.)0\d/.test(text)
      ? 'a number has a leading zero, which some programs read as octal; write it without'
      : 'every number must be 0 to 255';
  }
  return 'write IPv4 as 192.0.2.1 or IPv6 as 2001:db8::1';
}
