import { copy } from './bytes.ts';
import { fold } from './name.ts';
import { FLAG } from './protocol.ts';
import type { Query } from './query.ts';
import { writeAnswer } from './stored-answer.ts';
import type { StoredAnswer } from './stored-answer.ts';

/** What an entry costs besides its message, about. */
const OVERHEAD = 300;

/** An entry may take this part of the cache, so that one answer cannot empty it. */
const LARGEST = 1 / 16;

interface Entry {
  readonly answer: StoredAnswer;
  /** In ms, as the cache's clock has it. */
  readonly since: number;
  readonly cost: number;
  /** Asked for since it was last looked at for being given up. */
  isUsed: boolean;
}

const scratch = Buffer.alloc(512);

/**
 * What makes two queries the same question: name (whatever its case), type, class, what the answer's
 * flags depend on (RD, AD, CD, DO), and who is asked.
 *
 * @param servers any text that stands for the servers asked and where they are asked from
 */
export function answerKey(query: Query, servers: string): string {
  const { bytes, nameStart, nameEnd, questionEnd } = query;
  let length = 0;
  for (let at = nameStart; at < nameEnd; at++) scratch[length++] = fold(bytes[at] ?? 0);
  // Numbers have no case: type 65 (HTTPS) is not type 97.
  length = copy(bytes, nameEnd, questionEnd, scratch, length);
  const bits = query.flags & (FLAG.RECURSION_DESIRED | FLAG.AUTHENTIC_DATA | FLAG.CHECKING_DISABLED);
  // CD, the lowest of them, becomes the second bit.
  scratch[length++] = (bits >>> 3) | (query.dnssecOk ? 1 : 0);
  return scratch.toString('latin1', 0, length) + servers;
}

/**
 * Answers of others, kept as long as they allow (RFC 2308), those given up first that have not been used for long.
 * TTLs count down in what is given out; what is kept stays as it came.
 */
export class AnswerCache {
  readonly #now: () => number;
  readonly #capacity: number;
  /** In the order in which they are looked at: moving one at each use costs more than finding it. */
  readonly #entries = new Map<string, Entry>();
  #cost = 0;

  /**
   * @param now milliseconds that never run backwards
   * @param capacity bytes that it may take, about
   */
  constructor(now: () => number, capacity: number) {
    this.#now = now;
    this.#capacity = capacity;
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Keeps an answer, unless it must not be kept. */
  put(key: string, answer: StoredAnswer): void {
    this.#remove(key);
    const cost = OVERHEAD + key.length + answer.message.length + answer.ttls.byteLength;
    if (answer.lifetime <= 0 || cost > this.#capacity * LARGEST) return;
    this.#entries.set(key, { answer, since: this.#now(), cost, isUsed: false });
    this.#cost += cost;
    for (const [oldest, entry] of this.#entries) {
      if (this.#cost <= this.#capacity) return;
      this.#entries.delete(oldest);
      // One that was used gets another turn (the clock algorithm).
      if (entry.isUsed) this.#entries.set(oldest, entry);
      else this.#cost -= entry.cost;
      entry.isUsed = false;
    }
  }

  /**
   * Writes the answer to a query, if it is kept.
   * @param limit bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP
   * @returns bytes written, or 0
   */
  answer(key: string, query: Query, out: Uint8Array, limit: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    const age = (this.#now() - entry.since) / 1000;
    if (age >= entry.answer.lifetime) {
      this.#remove(key);
      return 0;
    }
    entry.isUsed = true;
    return writeAnswer(entry.answer, Math.floor(age), query, out, limit);
  }

  /** Forgets everything: other servers may know other names. */
  clear(): void {
    this.#entries.clear();
    this.#cost = 0;
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#cost -= entry.cost;
  }
}
