import { ERRNO, kernelError } from '../kernel/errno.ts';
import type { Pollable, Poller } from '../kernel/poller.ts';
import { closeFile, tryReceive, trySend } from '../kernel/sys.ts';
import { copy, setU16, u16 } from './bytes.ts';
import { AT, FLAG, HEADER, RCODE } from './protocol.ts';
import { isAnswerTo } from './stored-answer.ts';
import { StreamMessages } from './stream-messages.ts';

/** Who waits for an answer. One of the two is called, once. */
export interface Waiting {
  /** The message is there during the call only. */
  readonly answered: (message: Uint8Array) => void;
  /** The connection was refused, is broken, leads nowhere. */
  readonly failed: () => void;
}

/** Most bytes of one message; every conversation reads into the same ones, and writes its question from the same ones. */
const LONGEST = 65_535;
const INPUT = Buffer.alloc(LONGEST);
const OUTPUT = Buffer.alloc(512);
/** Bytes of a message's length before it, by TCP. */
const PREFIX = 2;

/** One question to one server, on a connected socket that it takes over. Disposing ends it without a word. */
abstract class Conversation implements Disposable, Pollable {
  protected readonly fd: number;
  protected readonly question: Uint8Array;
  protected readonly poller: Poller;
  readonly #waiting: Waiting;
  #open = true;

  constructor(poller: Poller, fd: number, question: Uint8Array, waiting: Waiting) {
    this.poller = poller;
    this.fd = fd;
    this.question = question;
    this.#waiting = waiting;
    try {
      poller.add(fd, this);
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  abstract ready(): void;

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.poller.remove(this.fd);
    closeFile(this.fd);
  }

  protected end(message: Uint8Array | undefined): void {
    this[Symbol.dispose]();
    if (message === undefined) this.#waiting.failed();
    else this.#waiting.answered(message);
  }

  /** Whether it is the answer, and not something that anybody has sent. */
  protected isAnswer(message: Uint8Array): boolean {
    return isAnswerTo(this.question, message) || isRefusal(this.question, message);
  }
}

/** By UDP: the socket is connected, so nobody is heard but the server. */
export class DatagramConversation extends Conversation {
  /** @throws {NetworkError} KERNEL when it cannot be sent; the socket is closed then */
  constructor(poller: Poller, fd: number, question: Uint8Array, waiting: Waiting) {
    super(poller, fd, question, waiting);
    const sent = trySend(fd, OUTPUT, copy(question, 0, question.length, OUTPUT, 0));
    if (sent >= 0) return;
    this[Symbol.dispose]();
    throw kernelError(-sent, 'ask a name server');
  }

  /** Reads what has come: the answer, something else, or that there is nobody. */
  override ready(): void {
    const length = tryReceive(this.fd, INPUT, LONGEST);
    if (length === -ERRNO.EAGAIN) return;
    if (length < 0) return this.end(undefined);
    const message = INPUT.subarray(0, length);
    if (this.isAnswer(message)) this.end(message);
  }
}

/** By TCP, as soon as the socket is connected. */
export class StreamConversation extends Conversation {
  readonly #messages = new StreamMessages(LONGEST);
  #asked = false;

  constructor(poller: Poller, fd: number, question: Uint8Array, waiting: Waiting) {
    super(poller, fd, question, waiting);
    poller.change(fd, { read: false, write: true });
  }

  /** Asks, then reads the answer. */
  override ready(): void {
    if (!this.#asked) return this.#ask();
    const length = tryReceive(this.fd, INPUT, LONGEST);
    if (length === -ERRNO.EAGAIN) return;
    let answer: Uint8Array | undefined;
    const isGood = length > 0 && this.#messages.push(INPUT, length, (bytes, start, end) => {
      const message = bytes.subarray(start, end);
      if (this.isAnswer(message)) answer ??= message;
    });
    if (answer !== undefined || !isGood) this.end(answer);
  }

  /** Whether it is connected is told when something is sent. */
  #ask(): void {
    const { fd, poller, question } = this;
    setU16(OUTPUT, 0, question.length);
    const length = copy(question, 0, question.length, OUTPUT, PREFIX);
    this.#asked = trySend(fd, OUTPUT, length) === length;
    if (this.#asked) poller.change(fd, { read: true, write: false });
    else this.end(undefined);
  }
}

/** A header alone: how some servers answer what they cannot read, an OPT record for instance. */
function isRefusal(question: Uint8Array, message: Uint8Array): boolean {
  const flags = u16(message, AT.FLAGS);
  if (message.length !== HEADER || u16(message, AT.ID) !== u16(question, AT.ID)) return false;
  return (flags & FLAG.RESPONSE) !== 0 && (flags & FLAG.RCODE) !== RCODE.NOERROR;
}
