import { u16 } from './bytes.ts';
import type { Waiting } from './conversation.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import { AT, FLAG, RCODE } from './protocol.ts';
import type { Server } from './server-set.ts';
import { readAnswer, type StoredAnswer } from './stored-answer.ts';
import type { Plan, UpstreamHealth } from './upstream-health.ts';
import type { Transport, UpstreamSockets } from './upstream-sockets.ts';

/** What all resolutions share. */
export interface ResolutionTools {
  readonly sockets: Pick<UpstreamSockets, 'ask'>;
  readonly health: UpstreamHealth;
  /** Calls {@link Resolution.impatient}. */
  readonly deadlines: Deadlines<Resolution>;
}

/** What is asked, and who wants to know. */
export interface ResolutionTask {
  /** A query with an id that nobody can guess. */
  query(edns: boolean): Uint8Array;
  /** Called once: with an answer (truncated where TCP did not work), or undefined when no server has one. */
  end(answer: StoredAnswer | undefined, timedOut: boolean): void;
}

/** By these a server says that it does not know EDNS (RFC 6891 §7). */
const NO_EDNS: ReadonlySet<number> = new Set([RCODE.FORMERR, RCODE.NOTIMP]);
/** By these, that another one may know better. */
const ASK_ANOTHER: ReadonlySet<number> = new Set([RCODE.SERVFAIL, RCODE.REFUSED]);
/** The highest that a header can tell. */
const LAST_PLAIN_RCODE = 15;

/**
 * One question on its way through the servers: the next one is asked when one refuses, fails or
 * cannot be reached, and also when it is silent; but a silent one is listened to until the end, because a
 * slow answer is better than none.
 */
export class Resolution {
  readonly #tools: ResolutionTools;
  readonly #task: ResolutionTask;
  readonly #plan: Plan;
  readonly #deadline: Deadline<Resolution>;
  /** Conversations that may still bring an answer. */
  readonly #open: Disposable[] = [];
  /** Servers that cannot answer this question. */
  readonly #useless: Server[] = [];
  /** Steps of the plan that are done. */
  #done = 0;
  #step: readonly Server[] = [];
  /** What came by UDP with the rest left out. */
  #truncated: StoredAnswer | undefined;

  constructor(tools: ResolutionTools, plan: Plan, task: ResolutionTask) {
    this.#tools = tools;
    this.#task = task;
    this.#plan = plan;
    this.#deadline = tools.deadlines.make(this);
  }

  /** Asks the first. It may be over when this returns. */
  start(): void {
    this.#next(false);
  }

  /** Those who were asked last have had their time. */
  impatient(): void {
    for (const server of this.#step) if (!this.#useless.includes(server)) this.#tools.health.silent(server);
    this.#next(true);
  }

  /** Asks nobody any more, and tells nobody. */
  cancel(): void {
    this.#tools.deadlines.cancel(this.#deadline);
    for (const conversation of this.#open) conversation[Symbol.dispose]();
    this.#open.length = 0;
  }

  #next(timedOut: boolean): void {
    for (let step = this.#plan[this.#done]; step !== undefined; step = this.#plan[this.#done]) {
      this.#done++;
      this.#step = step.filter((server) => !this.#useless.includes(server) && this.#ask(server, 'udp', true));
      if (this.#step.length > 0) return this.#tools.deadlines.touch(this.#deadline);
    }
    if (timedOut || this.#open.length === 0) this.#finish(this.#truncated, timedOut);
  }

  /** @returns false when it could not even be asked */
  #ask(server: Server, transport: Transport, edns: boolean): boolean {
    const waiting: Waiting = {
      answered: (message) => {
        this.#close(conversation);
        this.#tools.health.answered(server);
        this.#answered(server, transport, edns, message);
      },
      failed: () => {
        this.#close(conversation);
        this.#giveUp(server);
      },
    };
    const conversation = this.#tools.sockets.ask(server, transport, this.#task.query(edns), waiting);
    if (conversation === undefined) this.#useless.push(server);
    else this.#open.push(conversation);
    return conversation !== undefined;
  }

  #answered(server: Server, transport: Transport, edns: boolean, message: Uint8Array): void {
    const flags = u16(message, AT.FLAGS);
    const rcode = flags & FLAG.RCODE;
    if (edns && NO_EDNS.has(rcode)) return this.#again(server, transport, false);
    const answer = ASK_ANOTHER.has(rcode) ? undefined : readAnswer(message);
    if (answer === undefined || answer.rcode > LAST_PLAIN_RCODE) return this.#giveUp(server);
    if (transport === 'tcp' || (flags & FLAG.TRUNCATED) === 0) return this.#finish(answer, false);
    this.#truncated = answer;
    this.#again(server, 'tcp', edns);
  }

  /** The same server in another way: it has the whole time for that. */
  #again(server: Server, transport: Transport, edns: boolean): void {
    if (!this.#ask(server, transport, edns)) return this.#giveUp(server);
    this.#step = [server];
    this.#tools.deadlines.touch(this.#deadline);
  }

  #giveUp(server: Server): void {
    this.#useless.push(server);
    // One who was asked earlier may only be slow: those who were asked last decide.
    if (this.#step.every((asked) => this.#useless.includes(asked))) this.#next(false);
  }

  #close(conversation: Disposable | undefined): void {
    const at = conversation === undefined ? -1 : this.#open.indexOf(conversation);
    if (at >= 0) this.#open.splice(at, 1);
  }

  #finish(answer: StoredAnswer | undefined, timedOut: boolean): void {
    this.cancel();
    this.#task.end(answer, timedOut && answer === undefined);
  }
}
