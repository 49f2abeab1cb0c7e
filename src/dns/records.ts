/** Records of local names, encoded once and copied into every answer. */
import type { Address } from '../common/address.ts';
import { setU16, setU32 } from './bytes.ts';
import { CLASS_IN, HEADER, TYPE } from './protocol.ts';

/**
 * Seconds that a local name may be remembered: not at all. Names here come and go with `connect` and
 * `disconnect`, and a neighbour that is gone must be gone for everybody; asking again costs microseconds.
 */
const LOCAL_TTL = 0;

/** The question's name, to which every record of an answer points (RFC 1035 §4.1.4). */
export const QUESTION_NAME: number = 0xc000 | HEADER;

/** Length of a record whose name is a pointer, up to its data. */
export const RECORD_HEAD = 12;

/**
 * Writes a record up to its data.
 * @param name where its name stands in the message
 * @returns where the data belongs
 */
export function writeRecordHead(out: Uint8Array, at: number, name: number, type: number, length: number): number {
  setU16(out, at, name);
  setU16(out, at + 2, type);
  setU16(out, at + 4, CLASS_IN);
  setU32(out, at + 6, LOCAL_TTL);
  setU16(out, at + 10, length);
  return at + RECORD_HEAD;
}

function record(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEAD + data.length);
  bytes.set(data, writeRecordHead(bytes, 0, QUESTION_NAME, type, data.length));
  return bytes;
}

/** The bytes of an address, in network order. */
export function addressBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(address.family === 4 ? 4 : 16);
  let value = address.value;
  for (let at = bytes.length - 1; at >= 0; at--, value >>= 8n) bytes[at] = Number(value & 255n);
  return bytes;
}

/** A or AAAA, whichever the address is. */
export function addressRecord(address: Address): Uint8Array {
  return record(address.family === 4 ? TYPE.A : TYPE.AAAA, addressBytes(address));
}

/** PTR to an encoded name. */
export function pointerRecord(name: Uint8Array): Uint8Array {
  return record(TYPE.PTR, name);
}
