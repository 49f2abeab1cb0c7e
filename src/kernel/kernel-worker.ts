import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { NetworkError } from '../common/error.ts';
import type { KernelEvent } from './kernel.ts';
import { SlowCloser } from './slow-closer.ts';
import { fromPlainError } from './protocol.ts';
import type { WorkerCalls, WorkerMessage, WorkerRequest } from './protocol.ts';

/** Beside this file, whether it is the source or its compiled form. */
const WORKER_FILE = new URL(`./worker${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

const ONE = Buffer.alloc(8);
ONE.writeBigUInt64LE(1n);

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: NetworkError) => void;
}

/** The main thread's end of the channel to one kernel worker. A worker that crashed is not revived: make another. */
export class KernelWorker {
  readonly #worker: Worker;
  readonly #exiting = new Int32Array(new SharedArrayBuffer(4));
  readonly #pending = new Map<number, Pending>();
  readonly #onEvent: (event: KernelEvent) => void;
  readonly #ready = Promise.withResolvers<boolean>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #closer = new SlowCloser();
  #wakeFd = -1;
  #lastId = 0;
  #crash: Error | undefined;
  #alive = true;
  #closing = false;

  /**
   * @param onEvent what changed in the kernel
   * @param file another worker program, for tests
   */
  constructor(onEvent: (event: KernelEvent) => void, file: URL = WORKER_FILE) {
    this.#onEvent = onEvent;
    // Some options of the main program (--input-type, --eval) make a worker refuse to start.
    this.#worker = new Worker(file, { name: 'kernel', workerData: this.#exiting, execArgv: [] });
    this.#worker.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#worker.on('error', (error: Error) => (this.#crash = error));
    this.#worker.on('exit', () => this.#exit());
    process.on('exit', this.#wakeToExit);
  }

  /** false once it has ended or crashed. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Resolves when it takes requests: whether it has libnftables. @throws {NetworkError} UNAVAILABLE when it could not start */
  async ready(): Promise<boolean> {
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

  /** Sends a request; they are carried out in the order of these calls. Wait for {@link ready} first. */
  async call<Name extends keyof WorkerCalls>(name: Name, args: WorkerCalls[Name]['arguments']): Promise<WorkerCalls[Name]['result']> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (!this.#alive) throw this.#crashError();
    const id = ++this.#lastId;
    this.#pending.set(id, { resolve, reject });
    // Only somebody who waits for an answer keeps the process alive.
    if (this.#pending.size === 1) this.#worker.ref();
    /* oxlint-disable typescript/no-unsafe-type-assertion -- the worker answers a call with its own result: protocol.ts */
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage({ id, call: name, arguments: args } as WorkerRequest);
    this.#wake();
    return promise as Promise<WorkerCalls[Name]['result']>;
    /* oxlint-enable typescript/no-unsafe-type-assertion */
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === 'event') return this.#onEvent(message.event);
    if (message.kind === 'close') return this.#closer.close(message.fd);
    if (message.kind === 'ready') {
      this.#wakeFd = message.wakeFd;
      if (this.#pending.size === 0) this.#worker.unref();
      return this.#ready.resolve(message.nftables);
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if (message.kind === 'done') pending?.resolve(message.result);
    else pending?.reject(fromPlainError(message.error));
  }

  #wake(): void {
    if (this.#wakeFd >= 0) writeSync(this.#wakeFd, ONE);
  }

  /** The process joins its threads when it ends, and this one sits in poll. */
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
  }

  #crashError(): NetworkError {
    const reason = this.#crash === undefined ? 'it ended' : this.#crash.message;
    return new NetworkError('INTERNAL', `the kernel worker is gone: ${reason}`, { cause: this.#crash });
  }
}
