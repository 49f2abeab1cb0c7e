import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { NetworkError } from '../common/error.ts';
import { fromPlainError, type PlainError } from './protocol.ts';

const ONE = Buffer.alloc(8);
ONE.writeBigUInt64LE(1n);

/** The calls that a thread takes: each with its arguments and its result. */
export type CallTable<Calls> = { readonly [Name in keyof Calls]: { readonly arguments: unknown; readonly result: unknown } };

/** A call on its way to the thread. */
export type CallRequest<Calls extends CallTable<Calls>> = {
  readonly [Name in keyof Calls]: { readonly id: number; readonly call: Name; readonly arguments: Calls[Name]['arguments'] };
}[keyof Calls];

/** What every such thread says. */
export type ThreadMessage =
  /** Sent once: writing eight bytes to `wakeFd` makes the thread look at its requests. The main thread closes it. */
  | { readonly kind: 'ready'; readonly wakeFd: number }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError };

/** Something to say that is no answer to a call. */
type News<Message> = Exclude<Message, { readonly kind: 'done' | 'failed' }>;

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: NetworkError) => void;
}

/** How a thread is started. */
export interface BlockedThreadOptions<Message> {
  /** Of the thread, and for error messages: `the NAME thread is gone`. */
  readonly name: string;
  readonly file: URL;
  /** Most megabytes of its young generation (V8); left out: as V8 thinks best. */
  readonly youngGeneration?: number;
  /** Handed to the program beside the flag that says that the process ends: {@link ThreadData}. */
  readonly data?: unknown;
  /** Everything that is no answer, `ready` included. */
  readonly onNews: (news: News<Message>) => void;
  /** It has ended without having been asked to. */
  readonly onCrash?: (error: NetworkError) => void;
}

/** `workerData` of such a thread. */
export interface ThreadData<Data> {
  /** Not 0 when the process ends. */
  readonly exiting: Int32Array;
  readonly data: Data;
}

/**
 * The main thread's end of the channel to a thread that sits in poll(2) or epoll_wait(2) when it has
 * nothing to do: it is woken by an eventfd and takes its messages synchronously. One that crashed is not
 * revived: make another.
 */
export class BlockedThread<Calls extends CallTable<Calls> & { readonly close: unknown }, Message extends { readonly kind: string }> {
  readonly #options: BlockedThreadOptions<Message>;
  readonly #worker: Worker;
  readonly #exiting = new Int32Array(new SharedArrayBuffer(4));
  readonly #pending = new Map<number, Pending>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #wakeFd = -1;
  #lastId = 0;
  #crash: Error | undefined;
  #alive = true;
  #closing = false;

  constructor(options: BlockedThreadOptions<Message>) {
    this.#options = options;
    const workerData: ThreadData<unknown> = { exiting: this.#exiting, data: options.data };
    // Some options of the main program (--input-type, --eval) make a worker refuse to start.
    const { name, youngGeneration } = options;
    const resourceLimits = youngGeneration === undefined ? {} : { maxYoungGenerationSizeMb: youngGeneration };
    this.#worker = new Worker(options.file, { name, workerData, resourceLimits, execArgv: [] });
    this.#worker.on('message', (message: ThreadMessage | News<Message>) => this.#receive(message));
    this.#worker.on('error', (error: Error) => (this.#crash = error));
    this.#worker.on('exit', () => this.#exit());
    process.on('exit', this.#wakeToExit);
  }

  /** false once it has ended or crashed. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Resolves when it takes requests. @throws {NetworkError} INTERNAL when it could not start */
  async ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Ends the thread when it has done what it was asked before. */
  async close(): Promise<void> {
    if (!this.#alive) return;
    // From here on it keeps the process alive: the answer comes before the thread's end.
    this.#closing = true;
    this.call('close', undefined).catch(() => {});
    await this.#exited.promise;
  }

  /**
   * Sends a request; they are carried out in the order of these calls. Wait for {@link ready} first.
   * @throws {NetworkError} INTERNAL when the thread is gone, and whatever the call throws there
   */
  async call<Name extends keyof Calls>(name: Name, args: Calls[Name]['arguments']): Promise<Calls[Name]['result']> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (!this.#alive) throw this.#crashError();
    const id = ++this.#lastId;
    this.#pending.set(id, { resolve, reject });
    // Only somebody who waits for an answer keeps the process alive.
    if (this.#pending.size === 1) this.#worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage({ id, call: name, arguments: args });
    this.#wake();
    return promise;
  }

  #receive(message: ThreadMessage | News<Message>): void {
    if (isAnswer(message)) return this.#settle(message);
    if (isReady(message)) this.#wakeFd = message.wakeFd;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is no answer is news
    this.#options.onNews(message as News<Message>);
    if (!isReady(message)) return;
    if (this.#pending.size === 0) this.#worker.unref();
    this.#ready.resolve();
  }

  #settle(message: Exclude<ThreadMessage, { kind: 'ready' }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if (message.kind === 'done') pending?.resolve(message.result);
    else pending?.reject(fromPlainError(message.error));
  }

  #wake(): void {
    if (this.#wakeFd >= 0) writeSync(this.#wakeFd, ONE);
  }

  /** The process joins its threads when it ends, and this one is blocked. */
  readonly #wakeToExit = (): void => {
    Atomics.store(this.#exiting, 0, 1);
    this.#wake();
  };

  #exit(): void {
    this.#alive = false;
    process.off('exit', this.#wakeToExit);
    if (this.#wakeFd >= 0) closeSync(this.#wakeFd);
    this.#wakeFd = -1;
    const error = this.#crashError();
    this.#ready.reject(error);
    this.#ready.promise.catch(() => {});
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#exited.resolve();
    if (!this.#closing) this.#options.onCrash?.(error);
  }

  #crashError(): NetworkError {
    const reason = this.#crash === undefined ? 'it ended' : this.#crash.message;
    return new NetworkError('INTERNAL', `the ${this.#options.name} thread is gone: ${reason}`, { cause: this.#crash });
  }
}

function isAnswer(message: { readonly kind: string }): message is Exclude<ThreadMessage, { kind: 'ready' }> {
  return message.kind === 'done' || message.kind === 'failed';
}

function isReady(message: { readonly kind: string }): message is Extract<ThreadMessage, { kind: 'ready' }> {
  return message.kind === 'ready';
}
