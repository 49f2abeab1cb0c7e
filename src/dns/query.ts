import { u16 } from './bytes.ts';
import { opt } from './edns.ts';
import { fold, MOST_LABELS, readName, skipName } from './name.ts';
import { AT, FLAG, HEADER, RCODE, TYPE, UDP_SIZE } from './protocol.ts';

/** What {@link Query.read} says of a packet that gets no answer at all. */
export const SILENCE = -1;

const NOTHING = new Uint8Array(0);

/**
 * A query, read in place. One object reads any number of them, one after the other, so that reading
 * allocates nothing; what it says is true until the next `read`.
 */
export class Query {
  /** The packet, which lies between `start` and `end`. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** The header's second word. */
  flags = 0;
  /** Where each label stands, from the start of the name; behind the last one, where its zero does. */
  readonly labels: Uint8Array = new Uint8Array(MOST_LABELS + 1);
  labelCount = 0;
  /** Behind the question, or behind the header when there is none to be read. */
  questionEnd = 0;
  type = 0;
  class = 0;
  /** Whether it has an OPT record, and what that says. */
  edns = false;
  udpSize = 0;
  dnssecOk = false;

  /** Where the question's name begins. */
  get nameStart(): number {
    return this.start + HEADER;
  }

  /** Where the zero of the question's name stands. */
  get nameEnd(): number {
    return this.questionEnd - 5;
  }

  /** Whether there is a question to repeat in the answer. */
  get asks(): boolean {
    return this.questionEnd > this.start + HEADER;
  }

  /**
   * Reads the packet between `start` and `end`.
   *
   * @returns a response code: NOERROR when it is a question that may be answered, FORMERR, NOTIMP
   * or BADVERS for the answer that it gets instead, or {@link SILENCE} for what must not be answered: a
   * response (two servers would answer each other for ever), and what has no header.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.questionEnd = start + HEADER;
    this.labelCount = 0;
    this.edns = false;
    this.dnssecOk = false;
    this.udpSize = UDP_SIZE.PLAIN;
    if (end - start < HEADER) return SILENCE;
    this.flags = u16(bytes, start + AT.FLAGS);
    if ((this.flags & FLAG.RESPONSE) !== 0) return SILENCE;
    if ((this.flags & FLAG.OPCODE) !== 0) return RCODE.NOTIMP;
    // One question (RFC 9619), and nothing of what only answers and updates have.
    if (u16(bytes, start + AT.QUESTIONS) !== 1) return RCODE.FORMERR;
    if (u16(bytes, start + AT.ANSWERS) !== 0 || u16(bytes, start + AT.AUTHORITIES) !== 0) return RCODE.FORMERR;
    return this.#readQuestion() ? this.#readAdditionals(u16(bytes, start + AT.ADDITIONALS)) : RCODE.FORMERR;
  }

  /** The label with which `suffix` (encoded, lower case) begins, where the question's name ends with it; else -1. */
  labelOfSuffix(suffix: Uint8Array): number {
    const { bytes, nameStart, labels } = this;
    const from = this.nameEnd + 1 - suffix.length;
    if (from < nameStart) return -1;
    for (let at = suffix.length - 1; at >= 0; at--) {
      if (fold(bytes[from + at] ?? 0) !== suffix[at]) return -1;
    }
    // The same bytes may also stand within a label.
    return labels.lastIndexOf(from - nameStart, this.labelCount);
  }

  #readQuestion(): boolean {
    const { bytes, start, end, labels } = this;
    const count = readName(bytes, start + HEADER, end, labels);
    if (count < 0) return false;
    const behind = start + HEADER + (labels[count] ?? 0) + 1;
    if (behind + 4 > end) return false;
    this.labelCount = count;
    this.type = u16(bytes, behind);
    this.class = u16(bytes, behind + 2);
    this.questionEnd = behind + 4;
    return true;
  }

  /** The count is only claimed: whoever claims too many runs into the end of the packet. */
  #readAdditionals(count: number): number {
    const { bytes, end } = this;
    let at = this.questionEnd;
    let version = 0;
    for (let left = count; left > 0; left--) {
      const owner = at;
      at = skipName(bytes, at, end);
      if (at < 0 || at + 10 > end) return RCODE.FORMERR;
      if (u16(bytes, at) === TYPE.OPT) {
        // One, and the root's (RFC 6891 §6.1.1).
        if (this.edns || at !== owner + 1) return RCODE.FORMERR;
        this.edns = true;
        this.udpSize = Math.max(UDP_SIZE.PLAIN, opt.udpSize(bytes, at));
        this.dnssecOk = opt.dnssecOk(bytes, at);
        version = opt.version(bytes, at);
      }
      at += 10 + u16(bytes, at + 8);
    }
    if (at !== end) return RCODE.FORMERR;
    return version === 0 ? RCODE.NOERROR : RCODE.BADVERS;
  }
}
