import type { Answers, Target } from './answers.ts';
import { copy, setU16 } from './bytes.ts';
import { OPT_LENGTH, writeOpt } from './edns.ts';
import { AT, FLAG, RCODE, TYPE, UDP_SIZE } from './protocol.ts';
import type { Query } from './query.ts';
import { QUESTION_NAME, RECORD_HEAD, writeRecordHead } from './records.ts';
import { offers, portOf } from './services.ts';

/**
 * Longest answer, also by TCP: as far as pointers to names reach (RFC 1035 §4.1.4). Who asks for a service
 * of five thousand gets any thousand of them, and nobody waits longer for that.
 */
const LONGEST = 0x4000;

/** Priority, weight and port (RFC 2782). */
const SRV_HEAD = 6;

/**
 * Writes the answer to one query after another: head, records, end. What does not fit into what the
 * asker can take is left out and said so (TC), except for records that nobody asked for.
 */
export class AnswerWriter {
  readonly #random: () => number;
  #query!: Query;
  #out: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Where records have to end. */
  #bound = 0;
  #flags = 0;
  #answers = 0;
  #additionals = 0;

  /** @param random as `Math.random`: in which order answers come */
  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * Header and question.
   * @param limit bytes that the way back carries without EDNS
   * @returns false when not even they fit into `out`
   */
  begin(query: Query, out: Uint8Array, limit: number): boolean {
    this.#query = query;
    this.#out = out;
    this.#flags = 0;
    this.#answers = 0;
    this.#additionals = 0;
    const most = query.edns ? Math.max(limit, Math.min(query.udpSize, UDP_SIZE.EDNS)) : limit;
    this.#bound = Math.min(most, LONGEST, out.length) - (query.edns ? OPT_LENGTH : 0);
    if (query.questionEnd - query.start > this.#bound) return false;
    // The question as it came, byte for byte: its case may be a secret (draft-vixie-dnsext-dns0x20).
    this.#at = copy(query.bytes, query.start, query.questionEnd, out, 0);
    return true;
  }

  /** Records of the question's name, shuffled, as many as fit. */
  records(records: Uint8Array[]): void {
    const out = this.#out;
    for (let index = 0; index < records.length; index++) {
      const record = this.#draw(records, index);
      if (this.#at + record.length > this.#bound) return this.#truncate();
      out.set(record, this.#at);
      this.#at += record.length;
      this.#answers++;
    }
  }

  /** SRV records of the targets that offer a service, shuffled, as many as fit, and those of their addresses that fit behind them. */
  services(targets: Target[], service: number): void {
    const first = this.#at;
    for (let index = 0; index < targets.length; index++) {
      const target = this.#draw(targets, index);
      if (offers(target.services, service) && !this.#srv(target, portOf(service))) return this.#truncate();
    }
    this.#addresses(targets, service, first);
  }

  /** @returns bytes of the whole answer */
  finish(rcode: number): number {
    const { bytes, start, flags, edns, dnssecOk, asks } = this.#query;
    const out = this.#out;
    // Who asks by name is answered with authority; that a packet was no good says nothing of names.
    const authority = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? FLAG.AUTHORITATIVE : 0;
    const kept = flags & (FLAG.OPCODE | FLAG.RECURSION_DESIRED | FLAG.CHECKING_DISABLED);
    copy(bytes, start, start + AT.FLAGS, out, 0);
    setU16(out, AT.FLAGS, FLAG.RESPONSE | kept | authority | this.#flags | FLAG.RECURSION_AVAILABLE | (rcode & FLAG.RCODE));
    setU16(out, AT.QUESTIONS, asks ? 1 : 0);
    setU16(out, AT.ANSWERS, this.#answers);
    setU16(out, AT.AUTHORITIES, 0);
    setU16(out, AT.ADDITIONALS, this.#additionals + (edns ? 1 : 0));
    return edns ? writeOpt(out, this.#at, rcode, dnssecOk) : this.#at;
  }

  #truncate(): void {
    this.#flags |= FLAG.TRUNCATED;
  }

  /** The next of a shuffle that goes only as far as it is needed (Fisher–Yates, in place). */
  #draw<T>(items: T[], index: number): T {
    const item = items[index] as T;
    const left = items.length - index;
    if (left < 2) return item;
    const other = index + Math.floor(this.#random() * left);
    const drawn = items[other] as T;
    items[other] = item;
    items[index] = drawn;
    return drawn;
  }

  /** The name in an SRV record is never compressed (RFC 2782). */
  #srv(target: Target, port: number): boolean {
    const length = SRV_HEAD + target.name.length;
    if (this.#at + RECORD_HEAD + length > this.#bound) return false;
    const at = writeRecordHead(this.#out, this.#at, QUESTION_NAME, TYPE.SRV, length);
    setU16(this.#out, at, 0);
    setU16(this.#out, at + 2, 0);
    setU16(this.#out, at + 4, port);
    this.#out.set(target.name, at + SRV_HEAD);
    this.#at = at + length;
    this.#answers++;
    return true;
  }

  /** Addresses of targets whose SRV records stand one behind the other from `at`. */
  #addresses(targets: readonly Target[], service: number, at: number): void {
    let name = at + RECORD_HEAD + SRV_HEAD;
    for (const target of targets) {
      if (!offers(target.services, service)) continue;
      if (!this.#addressesOf(target.answers, 0xc000 | name)) return;
      name += target.name.length + RECORD_HEAD + SRV_HEAD;
    }
  }

  #addressesOf(answers: Answers, name: number): boolean {
    return this.#addressRecords(answers.a, name) && this.#addressRecords(answers.aaaa, name);
  }

  #addressRecords(records: readonly Uint8Array[], name: number): boolean {
    for (const record of records) {
      if (this.#at + record.length > this.#bound) return false;
      const at = this.#at;
      this.#out.set(record, at);
      this.#at += record.length;
      setU16(this.#out, at, name);
      this.#additionals++;
    }
    return true;
  }
}
