import { ERRNO } from '../kernel/errno.ts';
import type { Pollable, Poller } from '../kernel/poller.ts';
import { closeFile, tryReceive, trySend } from '../kernel/sys.ts';
import type { AskerState, Closable } from './asker-state.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import type { Source } from './forwarder.ts';
import { MessageOutput } from './message-output.ts';
import type { Responder } from './responder.ts';
import { StreamMessages } from './stream-messages.ts';
import type { Route } from './waiter.ts';

/** What all TCP connections share. */
export interface TcpTools {
  readonly poller: Poller;
  readonly responder: Responder;
  /** Closes connections that neither ask nor take their answers. */
  readonly idle: Deadlines<Closable>;
  readonly now: () => number;
}

/** What one reads before it is the next one's turn: some thirty queries. */
const INPUT = Buffer.alloc(1024);
/** Nobody asks in so many words; a query that UDP carried could not be longer. */
const LONGEST_QUERY = 4096;
/** Bytes that TCP carries. */
const LIMIT = 65_535;
/** Answers to what one has read, sent together. */
const OUTPUT = new MessageOutput();
/** As long as so much waits for an asker that does not read, it is not asked for more queries. */
const ENOUGH_UNSENT = 65_536;
/** What nobody keeps for somebody who does not read. */
const TOO_MUCH_UNSENT = 1 << 20;

/**
 * One TCP connection: any number of queries, one behind the other (RFC 7766 §6.2.1), answered in the
 * order in which answers are found. One that is slow to read makes nobody wait but itself.
 */
export class TcpConnection implements Closable, Pollable, Route, Source {
  readonly #tools: TcpTools;
  readonly #fd: number;
  readonly #asker: AskerState;
  readonly #listed: Set<Closable>;
  readonly #deadline: Deadline<Closable>;
  readonly #messages = new StreamMessages(LONGEST_QUERY);
  readonly #unsent: Buffer[] = [];
  #unsentLength = 0;
  /** Queries whose answers come later. */
  #forwarded = 0;
  #open = true;
  /** No more queries will come. */
  #ended = false;
  #waitsFor = { read: true, write: false };

  /** @param fd connected, not blocking; closed with this @param listed where it stands while it is open */
  constructor(tools: TcpTools, fd: number, asker: AskerState, listed: Set<Closable>) {
    this.#tools = tools;
    this.#fd = fd;
    this.#asker = asker;
    this.#listed = listed.add(this);
    this.#deadline = tools.idle.make(this);
    asker.connections.add(this);
    tools.poller.add(fd, this);
    this.#tools.idle.touch(this.#deadline);
  }

  get aliveAt(): number {
    return this.#deadline.due;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#asker.connections.delete(this);
    this.#listed.delete(this);
    this.#tools.idle.cancel(this.#deadline);
    this.#tools.poller.remove(this.#fd);
    closeFile(this.#fd);
  }

  /** The way back for the query that is being answered. */
  route(): Route {
    this.#forwarded++;
    return this;
  }

  /** Sends an answer that has come from outside. */
  send(answer: Buffer): boolean {
    if (!this.#open) return false;
    this.#forwarded--;
    OUTPUT.space.set(answer);
    OUTPUT.add(answer.length);
    this.#write(OUTPUT.take());
    this.#settle();
    return this.#open;
  }

  /** Reads queries, or goes on with answers. */
  ready(): void {
    // Nothing is to be read or written any more, so this is the other side's reset.
    if (this.#ended && this.#unsentLength === 0) return this.close();
    if (this.#unsentLength > 0) this.#flush();
    if (this.#open && this.#waitsFor.read) this.#read();
    this.#settle();
  }

  #read(): void {
    const length = tryReceive(this.#fd, INPUT, INPUT.length);
    if (length === -ERRNO.EAGAIN) return;
    if (length < 0) return this.close();
    if (length === 0) this.#ended = true;
    const received = this.#tools.now();
    let answers = 0;
    const isGood = this.#messages.push(INPUT, length, (bytes, start, end) => {
      if (OUTPUT.isFull) this.#write(OUTPUT.take());
      // The asker may have gone while the answers before were sent.
      if (!this.#open) return;
      const answer = this.#tools.responder.respond(this.#asker, bytes, start, end, OUTPUT.space, LIMIT, this);
      if (answer > 0) OUTPUT.add(answer);
      answers += answer > 0 ? 1 : 0;
      // Half a query is no sign of life: whoever sends a byte now and then would stay for ever.
      this.#tools.idle.touch(this.#deadline);
    });
    this.#write(OUTPUT.take());
    this.#asker.counters.took(this.#tools.now() - received, answers);
    if (!isGood) this.close();
  }

  /** Sends, or keeps until the asker has read what came before. */
  #write(bytes: Buffer): void {
    if (!this.#open || bytes.length === 0) return;
    const sent = this.#unsentLength > 0 ? 0 : trySend(this.#fd, bytes, bytes.length);
    if (sent === bytes.length) return;
    if (sent < 0 && sent !== -ERRNO.EAGAIN) return this.close();
    const rest = Buffer.from(bytes.subarray(Math.max(0, sent)));
    this.#unsent.push(rest);
    this.#unsentLength += rest.length;
    if (this.#unsentLength > TOO_MUCH_UNSENT) this.close();
  }

  #flush(): void {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const sent = trySend(this.#fd, next, next.length);
      if (sent < 0) return sent === -ERRNO.EAGAIN ? undefined : this.close();
      this.#tools.idle.touch(this.#deadline);
      this.#unsentLength -= sent;
      if (sent < next.length) this.#unsent[0] = next.subarray(sent);
      else this.#unsent.shift();
    }
  }

  /** Waits for what can come next, or closes when nothing can. */
  #settle(): void {
    if (!this.#open) return;
    if (this.#ended && this.#unsentLength === 0 && this.#forwarded === 0) return this.close();
    const wanted = { read: !this.#ended && this.#unsentLength < ENOUGH_UNSENT, write: this.#unsentLength > 0 };
    if (wanted.read === this.#waitsFor.read && wanted.write === this.#waitsFor.write) return;
    this.#waitsFor = wanted;
    this.#tools.poller.change(this.#fd, wanted);
  }
}
