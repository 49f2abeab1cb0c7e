import type { Address } from './address.ts';

function startsWith(address: Address, prefix: bigint, length: number): boolean {
  return address.value >> BigInt((address.family === 4 ? 32 : 128) - length) === prefix;
}

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: Address): boolean {
  return address.family === 4 ? startsWith(address, 0xa9fen, 16) : startsWith(address, 0x3fan, 10);
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 §2.7). */
export function isMulticast(address: Address): boolean {
  return address.family === 4 ? startsWith(address, 0xen, 4) : startsWith(address, 0xffn, 8);
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === 4 ? startsWith(address, 127n, 8) : address.value === 1n;
}

/** 0.0.0.0 or `::`. */
export function isUnspecified(address: Address): boolean {
  return address.value === 0n;
}

/** ::ffff:0:0/96: an IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2). */
export function isMapped(address: Address): boolean {
  return address.family === 6 && address.value >> 32n === 0xffffn;
}
