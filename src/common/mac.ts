import { createHash, randomBytes } from 'node:crypto';
import { NetworkError } from './error.ts';
import { quote } from './quote.ts';

const FORM = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;
const GROUP_BIT = 0x01;
const LOCAL_BIT = 0x02;

/**
 * `02:42:ac:11:00:02` (or with dashes, any case) to its six bytes.
 * @throws {NetworkError} INVALID
 */
export function parseMac(text: string): Uint8Array {
  if (!FORM.test(text)) {
    throw new NetworkError('INVALID', `${quote(text)} is not a MAC address: write six hex pairs, as in 02:42:ac:11:00:02`);
  }
  return Uint8Array.from(text.split(/[:-]/), (pair) => Number.parseInt(pair, 16));
}

/** Six bytes to canonical text, lower case with colons. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * A MAC address that somebody wants on an interface, in canonical text.
 * @throws {NetworkError} INVALID for a malformed, multicast or all-zero one, which the kernel would refuse
 */
export function macFromUser(text: string): string {
  const bytes = parseMac(text);
  if (((bytes[0] ?? 0) & GROUP_BIT) !== 0) {
    throw new NetworkError('INVALID', `MAC address ${quote(text)} is a multicast one; the first pair of an interface's must be even`);
  }
  if (bytes.every((byte) => byte === 0)) {
    throw new NetworkError('INVALID', `MAC address ${quote(text)} is all zero; leave it out to get a random one`);
  }
  return formatMac(bytes);
}

/** A random locally administered unicast address (IEEE 802 §8.4.2). The source of randomness takes a count of bytes. */
export function randomMac(random: (count: number) => Uint8Array = randomBytes): string {
  return localMac(random(6));
}

/** The same locally administered unicast address for the same seed, for ever. */
export function stableMac(seed: string): string {
  return localMac(createHash('sha256').update(seed).digest().subarray(0, 6));
}

/** A locally administered unicast address above what adapters and {@link randomMac} mostly have, the same for the same seed. */
export function highMac(seed: string): string {
  return `fe:ff${stableMac(seed).slice(5)}`;
}

function localMac(bytes: Uint8Array): string {
  const mac = Uint8Array.from(bytes);
  mac[0] = ((mac[0] ?? 0) & ~GROUP_BIT) | LOCAL_BIT;
  return formatMac(mac);
}
