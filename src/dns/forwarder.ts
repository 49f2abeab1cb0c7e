import { AnswerWriter } from './answer-writer.ts';
import { AskedQuestions, type AskedQuestion } from './asked-questions.ts';
import type { AskerState } from './asker-state.ts';
import { copy, u16 } from './bytes.ts';
import { AnswerCache, answerKey } from './cache.ts';
import { Deadlines } from './deadlines.ts';
import type { DnsLimits } from './limits.ts';
import { AT, FLAG, RCODE, UDP_SIZE } from './protocol.ts';
import { Query } from './query.ts';
import { Resolution, type ResolutionTools } from './resolution.ts';
import type { Server, ServerSet } from './server-set.ts';
import { writeAnswer, type StoredAnswer } from './stored-answer.ts';
import { UpstreamHealth } from './upstream-health.ts';
import { writeUpstreamQuery } from './upstream-query.ts';
import type { UpstreamSockets } from './upstream-sockets.ts';
import type { Route, Waiter } from './waiter.ts';

/** Where a query came from. */
export interface Source {
  /** The way back, for later: made when it is needed. */
  route(): Route;
}

/** What the forwarder needs. */
export interface ForwarderOptions {
  readonly sockets: Pick<UpstreamSockets, 'ask'>;
  readonly limits: DnsLimits;
  /** ms that never run backwards. */
  readonly now: () => number;
  /** A number from 0 up to 65535 that nobody can guess. */
  readonly randomId: () => number;
  /** The host's own servers at this moment. */
  readonly hostServers: () => ServerSet;
  /** Whether questions to this server would come back to us. */
  readonly isOurselves: (server: Server) => boolean;
}

/** Bytes of the longest message. */
const LONGEST = 65_535;

/**
 * Questions about names that nobody here has: answered from what is remembered, else by servers
 * outside, each question once at a time however many ask it. An asker may let only so many wait.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache: AnswerCache;
  readonly #tools: ResolutionTools;
  readonly #deadlines: Deadlines<Resolution>;
  readonly #asked = new AskedQuestions();
  readonly #query = new Query();
  readonly #writer = new AnswerWriter(() => 0);
  readonly #out = Buffer.alloc(LONGEST);

  constructor(options: ForwarderOptions) {
    const { limits, now, sockets } = options;
    this.#options = options;
    this.#cache = new AnswerCache(now, limits.cache);
    this.#deadlines = new Deadlines(limits.patience, now);
    this.#tools = { sockets, health: new UpstreamHealth(limits.shunned, limits.tries, now), deadlines: this.#deadlines };
  }

  /** When {@link keep} has something to do, by the clock; Infinity: never. */
  get next(): number {
    return this.#deadlines.next;
  }

  /** Looks after servers that do not answer. */
  keep(): void {
    this.#deadlines.expire((resolution) => resolution.impatient());
  }

  /** Ends every question without an answer. */
  close(): void {
    for (const { resolution } of this.#asked.drain()) resolution?.cancel();
  }

  /**
   * Takes a query that may be answered and has no answer here.
   *
   * @param out gets the answer that can be given at once: what is remembered, or a refusal
   * @param limit bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP
   * @returns its length; 0 when it comes later by the source's route
   */
  forward(state: AskerState, packet: Uint8Array, start: number, end: number, out: Uint8Array, limit: number, source: Source): number {
    const query = this.#query;
    query.read(packet, start, end);
    const set = state.servers === 'host' ? this.#options.hostServers() : state.servers;
    if (set === undefined) return this.#refuse(state, RCODE.SERVFAIL, out, limit);
    const key = answerKey(query, set.key);
    const cached = this.#cache.answer(key, query, out, limit);
    if (cached > 0) {
      state.counters.answered('cached', out);
      return cached;
    }
    const known = this.#asked.find(key);
    if (!this.#mayWait(state, known === undefined)) return this.#refuse(state, RCODE.REFUSED, out, limit);
    state.counters.forwarded++;
    state.waiting++;
    const waiter = { state, packet: copyOf(packet, start, end), limit, route: source.route(), since: this.#options.now() };
    if (known === undefined) this.#ask(key, set, waiter);
    else known.waiters.push(waiter);
    return 0;
  }

  #mayWait({ waiting }: AskerState, isNew: boolean): boolean {
    const { limits } = this.#options;
    return waiting < limits.waiting && (!isNew || this.#asked.size < limits.asked || waiting < limits.share);
  }

  #refuse(state: AskerState, rcode: number, out: Uint8Array, limit: number): number {
    const length = this.#writer.begin(this.#query, out, limit) ? this.#writer.finish(rcode) : 0;
    if (length > 0) state.counters.answered('forwarded', out);
    return length;
  }

  #ask(key: string, { servers }: ServerSet, first: Waiter): void {
    const { isOurselves, randomId } = this.#options;
    const question: AskedQuestion = { key, waiters: [first], resolution: undefined, next: undefined };
    this.#asked.add(question);
    const others = servers.some(isOurselves) ? servers.filter((server) => !isOurselves(server)) : servers;
    question.resolution = new Resolution(this.#tools, this.#tools.health.plan(others), {
      query: (edns) => {
        this.#query.read(first.packet, 0, first.packet.length);
        return copyOf(this.#out, 0, writeUpstreamQuery(this.#query, randomId(), edns, this.#out));
      },
      end: (answer, timedOut) => {
        this.#asked.delete(question);
        if (answer !== undefined) this.#cache.put(key, answer);
        for (const waiter of question.waiters) this.#reply(waiter, answer, timedOut);
      },
    });
    question.resolution.start();
  }

  #reply({ state, packet, limit, route, since }: Waiter, answer: StoredAnswer | undefined, timedOut: boolean): void {
    const query = this.#query;
    query.read(packet, 0, packet.length);
    const { counters } = state;
    state.waiting--;
    if (timedOut) counters.timeouts++;
    // Somebody who asks by TCP cannot be told to ask by TCP.
    const usable = answer !== undefined && (limit <= UDP_SIZE.PLAIN || !isTruncated(answer));
    let length = usable ? writeAnswer(answer, 0, query, this.#out, limit) : 0;
    if (length === 0 && this.#writer.begin(query, this.#out, limit)) length = this.#writer.finish(RCODE.SERVFAIL);
    counters.answered('forwarded', this.#out);
    if (!route.send(this.#out.subarray(0, length))) counters.dropped++;
    else counters.took(this.#options.now() - since);
  }
}

/** Not `slice`, which for a Buffer copies nothing; short arrays made so lie in V8's own heap, where they cost little. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const made = new Uint8Array(end - start);
  copy(bytes, start, end, made, 0);
  return made;
}

function isTruncated({ message }: StoredAnswer): boolean {
  return (u16(message, AT.FLAGS) & FLAG.TRUNCATED) !== 0;
}
