import { bitsOf, formatAddress, tryParseAddress } from './address.ts';
import type { Address, Family } from './address.ts';
import { NetworkError } from './error.ts';
import { quote } from './quote.ts';

/** A block of addresses for calculating with; its text is {@link formatCidr}. */
export interface Cidr {
  readonly family: Family;
  /** Lowest address; no bit below the prefix is set. */
  readonly base: bigint;
  /** Prefix length, 0 to 32 or 128. */
  readonly prefix: number;
}

/** What an interface carries, `10.0.0.5/24`: its address and the network around it. */
export interface InterfaceAddress {
  readonly address: Address;
  readonly network: Cidr;
}

const LENGTH = /^(0|[1-9]\d{0,2})$/;

/**
 * `10.0.0.0/24` to a block. With `allowHostBits`, `10.0.0.5/24` is taken as `10.0.0.0/24`.
 *
 * @throws {NetworkError} INVALID, naming the network that was probably meant
 */
export function parseCidr(text: string, options: { readonly allowHostBits?: boolean } = {}): Cidr {
  const { address, network } = parseInterfaceAddress(text);
  if (options.allowHostBits !== true && address.value !== network.base) {
    throw new NetworkError('INVALID', `${quote(text)} has host bits set; the network is ${formatCidr(network)}`);
  }
  return network;
}

/**
 * `10.0.0.5/24` to its address and its network.
 * @throws {NetworkError} INVALID
 */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : tryParseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !LENGTH.test(length) || Number(length) > bitsOf(address.family)) {
    throw new NetworkError('INVALID', `${quote(text)} is not a subnet: ${whyNot(text, address)}`);
  }
  return { address, network: cidrAround(address, Number(length)) };
}

/** `ADDRESS/LENGTH`, canonical: equal text means equal block. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress({ family: cidr.family, value: cidr.base })}/${cidr.prefix}`;
}

/** The block of the given prefix length in which an address lies. */
export function cidrAround(address: Address, prefix: number): Cidr {
  const hostBits = BigInt(bitsOf(address.family) - prefix);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, prefix };
}

/** How many addresses it spans. */
export function sizeOf(cidr: Cidr): bigint {
  return 1n << BigInt(bitsOf(cidr.family) - cidr.prefix);
}

/** Lowest address. */
export function firstOf(cidr: Cidr): Address {
  return { family: cidr.family, value: cidr.base };
}

/** Highest address. */
export function lastOf(cidr: Cidr): Address {
  return { family: cidr.family, value: cidr.base + sizeOf(cidr) - 1n };
}

/** The address lies in the block. */
export function contains(cidr: Cidr, address: Address): boolean {
  if (cidr.family !== address.family) return false;
  const hostBits = BigInt(bitsOf(cidr.family) - cidr.prefix);
  return address.value >> hostBits === cidr.base >> hostBits;
}

/** All of `inner` lies in `outer`; a block contains itself. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && contains(outer, firstOf(inner));
}

/** They share an address. Two blocks never overlap in part: one contains the other. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}

/** Same block. */
export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base === b.base && a.prefix === b.prefix;
}

function whyNot(text: string, address: Address | undefined): string {
  if (!text.includes('/')) return 'the prefix length is missing, as in 10.0.0.0/24';
  if (address === undefined) return 'write it as 10.0.0.0/24 or 2001:db8::/64';
  return `the prefix length must be 0 to ${bitsOf(address.family)}`;
}
