import { copy, setU16, setU32, u16, u32 } from './bytes.ts';
import { OPT_LENGTH, opt, writeOpt } from './edns.ts';
import { fold, skipName } from './name.ts';
import { AT, FLAG, HEADER, RCODE, TYPE, UDP_SIZE } from './protocol.ts';
import type { Query } from './query.ts';

/** Longest that an answer is kept, in seconds, and one that says there is nothing (RFC 2308 §5). */
const LONGEST = { ANSWER: 86_400, NOTHING: 10_800 } as const;

/** Type, class, TTL and length of data: what stands between a record's name and its data. */
const FIXED = 10;

/** TTL, as {@link FIXED} has it. */
const TTL = 4;

/** An answer of somebody else's, looked through once and given to any number of askers. */
export interface StoredAnswer {
  /** All up to the OPT record, which is between two neighbours only (RFC 6891 §6.1.1). */
  readonly message: Uint8Array;
  readonly questionEnd: number;
  /** Where the additional section begins. */
  readonly additionalStart: number;
  /** How many records are in the additional section. */
  readonly additionals: number;
  /** All 12 bits of the response code. */
  readonly rcode: number;
  /** Where TTLs stand. */
  readonly ttls: Uint16Array;
  /** How many seconds it may be kept; 0: not at all. */
  readonly lifetime: number;
}

/** A message while it is looked through. */
interface Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly ttls: number[];
}

interface Found {
  readonly type: number;
  /** Where the type stands, and where the data begins and ends. */
  readonly at: number;
  readonly data: number;
  readonly end: number;
  /** A TTL with its highest bit set means 0 (RFC 2181 §8). */
  readonly ttl: number;
}

/**
 * Looks an answer through. The bytes are copied.
 * @returns undefined for what is malformed or has not one question
 */
export function readAnswer(bytes: Uint8Array): StoredAnswer | undefined {
  const name = bytes.length < HEADER || u16(bytes, AT.QUESTIONS) !== 1 ? -1 : skipName(bytes, HEADER, bytes.length);
  if (name < 0 || name + 4 > bytes.length) return undefined;
  const questionEnd = name + 4;
  const reader: Reader = { bytes, at: questionEnd, ttls: [] };
  const answers = readSection(reader, u16(bytes, AT.ANSWERS));
  const authorities = answers && readSection(reader, u16(bytes, AT.AUTHORITIES));
  if (answers === undefined || authorities === undefined) return undefined;
  const additionalStart = reader.at;
  const found = readSection(reader, u16(bytes, AT.ADDITIONALS));
  if (found === undefined) return undefined;
  const ours = found.findIndex(({ type }) => type === TYPE.OPT);
  const optAt = found[ours]?.at;
  // What stands behind it (signatures of the message) does not hold any more.
  const end = optAt === undefined ? reader.at : optAt - 1;
  const flags = u16(bytes, AT.FLAGS);
  const rcode = (flags & FLAG.RCODE) | ((optAt === undefined ? 0 : opt.extendedRcode(bytes, optAt)) << 4);
  const isWhole = (flags & FLAG.TRUNCATED) === 0;
  return {
    // Not `slice`: that of a Buffer copies nothing.
    message: new Uint8Array(bytes.subarray(0, end)),
    questionEnd,
    additionalStart,
    additionals: ours < 0 ? found.length : ours,
    rcode,
    ttls: Uint16Array.from(reader.ttls.filter((at) => at < end)),
    lifetime: isWhole ? lifetimeOf(rcode, u16(bytes, name), answers, authorities, bytes) : 0,
  };
}

/**
 * Writes a stored answer as the answer to a query that asks the same: its id, the case of its name, its
 * EDNS, and truncated to what it can take. Additional records are left out first (RFC 2181 §9).
 *
 * @param age seconds by which all TTLs are counted down
 * @param limit bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP
 * @returns bytes written, or 0 when not even the question fits
 */
export function writeAnswer(stored: StoredAnswer, age: number, query: Query, out: Uint8Array, limit: number): number {
  const { message, questionEnd, additionalStart } = stored;
  const most = query.edns ? Math.max(limit, Math.min(query.udpSize, UDP_SIZE.EDNS)) : limit;
  const bound = Math.min(most, out.length) - (query.edns ? OPT_LENGTH : 0);
  if (questionEnd > bound) return 0;
  const lacksAdditionals = message.length > bound;
  const isTruncated = additionalStart > bound;
  const shortened = isTruncated ? questionEnd : additionalStart;
  const end = lacksAdditionals ? shortened : message.length;
  out.set(end === message.length ? message : message.subarray(0, end));
  for (const at of stored.ttls) {
    if (at >= end) break;
    setU32(out, at, Math.max(0, ttlAt(message, at) - age));
  }
  copy(query.bytes, query.start, query.start + AT.FLAGS, out, 0);
  copy(query.bytes, query.start + HEADER, query.questionEnd, out, HEADER);
  const asked = query.flags & (FLAG.RECURSION_DESIRED | FLAG.CHECKING_DISABLED);
  // What is passed on is nobody's authority any more (RFC 1035 §4.1.1).
  const kept = u16(message, AT.FLAGS) & ~(FLAG.AUTHORITATIVE | FLAG.RECURSION_DESIRED | FLAG.CHECKING_DISABLED | FLAG.TRUNCATED);
  const truncated = isTruncated ? FLAG.TRUNCATED : u16(message, AT.FLAGS) & FLAG.TRUNCATED;
  setU16(out, AT.FLAGS, kept | asked | truncated);
  if (isTruncated) setU32(out, AT.ANSWERS, 0);
  setU16(out, AT.ADDITIONALS, (lacksAdditionals ? 0 : stored.additionals) + (query.edns ? 1 : 0));
  return query.edns ? writeOpt(out, end, stored.rcode, query.dnssecOk) : end;
}

/**
 * Whether a message answers what was sent: same id, same question. Anybody can send packets, and a late
 * answer to another question must not be taken for this one's.
 */
export function isAnswerTo(sent: Uint8Array, message: Uint8Array): boolean {
  const name = skipName(sent, HEADER, sent.length);
  if (name < 0 || message.length < name + 4 || u16(message, AT.ID) !== u16(sent, AT.ID)) return false;
  const flags = u16(message, AT.FLAGS);
  if ((flags & FLAG.RESPONSE) === 0 || (flags & FLAG.OPCODE) !== 0 || u16(message, AT.QUESTIONS) !== 1) return false;
  for (let at = HEADER; at < name; at++) {
    if (fold(message[at] ?? 0) !== fold(sent[at] ?? 0)) return false;
  }
  return u32(message, name) === u32(sent, name);
}

function ttlAt(bytes: Uint8Array, at: number): number {
  const ttl = u32(bytes, at);
  return ttl > 0x7fff_ffff ? 0 : ttl;
}

/** Records of a section; undefined when the message ends before they do. */
function readSection(reader: Reader, count: number): Found[] | undefined {
  const { bytes } = reader;
  const records: Found[] = [];
  for (let left = count; left > 0; left--) {
    const at = skipName(bytes, reader.at, bytes.length);
    const data = at + FIXED;
    if (at < 0 || data > bytes.length) return undefined;
    const end = data + u16(bytes, at + 8);
    if (end > bytes.length) return undefined;
    records.push({ type: u16(bytes, at), at, data, end, ttl: ttlAt(bytes, at + TTL) });
    if (u16(bytes, at) !== TYPE.OPT) reader.ttls.push(at + TTL);
    reader.at = end;
  }
  return records;
}

/** RFC 2308: an answer lives as long as its shortest record; that there is none, as long as the zone's SOA record says. */
function lifetimeOf(rcode: number, asked: number, answers: readonly Found[], authorities: readonly Found[], bytes: Uint8Array): number {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  const shortest = Math.min(LONGEST.ANSWER, ...[...answers, ...authorities].map(({ ttl }) => ttl));
  const isThere = rcode === RCODE.NOERROR && answers.some(({ type }) => type === asked || asked === TYPE.ANY);
  return isThere ? shortest : Math.min(shortest, LONGEST.NOTHING, negativeTtl(authorities, bytes));
}

/** MINIMUM is the last number of an SOA record (RFC 2308 §4); without such a record nothing is known of how long. */
function negativeTtl(authorities: readonly Found[], bytes: Uint8Array): number {
  const soa = authorities.find(({ type }) => type === TYPE.SOA);
  return soa === undefined || soa.end - soa.data < 22 ? 0 : ttlAt(bytes, soa.end - 4);
}
