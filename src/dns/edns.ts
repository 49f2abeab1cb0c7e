/** EDNS(0): the OPT record, by which client and server tell each other what they can take (RFC 6891). */
import { setU16, u16 } from './bytes.ts';
import { TYPE, UDP_SIZE } from './protocol.ts';

/** Length of an OPT record without options, as we write it. */
export const OPT_LENGTH = 11;

/** Bit of the OPT record's flags by which DNSSEC records are asked for; it is echoed (RFC 3225 §3). */
const DNSSEC_OK = 0x8000;

/** What the fixed part of an OPT record says, its name left out: `at` is where its type stands. */
export const opt = {
  /** Most bytes that the sender takes by UDP; less than 512 means 512 (§6.2.3). */
  udpSize: (bytes: Uint8Array, at: number): number => u16(bytes, at + 2),
  /** Upper 8 of 12 bits of the response code. */
  extendedRcode: (bytes: Uint8Array, at: number): number => bytes[at + 4] ?? 0,
  version: (bytes: Uint8Array, at: number): number => bytes[at + 5] ?? 0,
  dnssecOk: (bytes: Uint8Array, at: number): boolean => (u16(bytes, at + 6) & DNSSEC_OK) !== 0,
} as const;

/**
 * Writes our OPT record: version 0, no options.
 * @param rcode the whole 12 bits
 * @returns its end
 */
export function writeOpt(out: Uint8Array, at: number, rcode: number, dnssecOk: boolean): number {
  out[at] = 0;
  setU16(out, at + 1, TYPE.OPT);
  setU16(out, at + 3, UDP_SIZE.EDNS);
  out[at + 5] = rcode >>> 4;
  out[at + 6] = 0;
  setU16(out, at + 7, dnssecOk ? DNSSEC_OK : 0);
  setU16(out, at + 9, 0);
  return at + OPT_LENGTH;
}
