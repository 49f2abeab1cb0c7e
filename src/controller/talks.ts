import { NetworkError } from '../common/error.ts';

/** Nobody tells when a plugin is there again: what could not be said is tried again after this, ms. */
const RETRY = 10_000;

/** One that goes on. */
interface Talk {
  readonly over: Promise<void>;
  readonly abort: AbortController;
}

/** Whom talks report to. */
export interface TalksOptions {
  /** One is over, however it went. */
  readonly onEnd: () => void;
  /** It is time to try again what has failed. */
  readonly onRetry: () => void;
}

/**
 * What is being said with Docker plugins: one talk at a time about each thing, known by a key. One that fails
 * is a problem, and the thing is left alone until {@link Talks.forgive}.
 */
export class Talks implements Disposable {
  readonly #options: TalksOptions;
  readonly #talks = new Map<string, Talk>();
  readonly #problems = new Map<string, NetworkError>();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: TalksOptions) {
    this.#options = options;
  }

  /** Aborts all that go on. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const { abort } of this.#talks.values()) abort.abort();
  }

  /** What has failed, by key. */
  get problems(): ReadonlyMap<string, NetworkError> {
    return this.#problems;
  }

  /** Keys of those that go on. */
  get keys(): readonly string[] {
    return [...this.#talks.keys()];
  }

  goesOn(key: string): boolean {
    return this.#talks.has(key);
  }

  /** Begins one, unless it goes on already or has failed. */
  begin(key: string, task: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closed || this.#talks.has(key) || this.#problems.has(key)) return;
    const abort = new AbortController();
    const over = task(abort.signal)
      .catch((thrown: unknown) => this.fail(key, NetworkError.from(thrown)))
      .finally(() => {
        this.#talks.delete(key);
        this.#options.onEnd();
      });
    this.#talks.set(key, { over, abort });
  }

  /** Nothing is said about this until it is tried again. */
  fail(key: string, error: NetworkError): void {
    if (this.#closed) return;
    this.#problems.set(key, error);
    this.#retry ??= setTimeout(this.#options.onRetry, RETRY).unref();
  }

  /** Drops all that is for nothing now. */
  drop(isMeant: (key: string) => boolean): void {
    for (const [key, { abort }] of this.#talks) if (!isMeant(key)) abort.abort();
    for (const key of this.#problems.keys()) if (!isMeant(key)) this.#problems.delete(key);
  }

  /** What has failed may begin again. */
  forgive(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#problems.clear();
  }

  /** Resolves when the one that goes on about this is over, however it goes. */
  async over(key: string): Promise<void> {
    await this.#talks.get(key)?.over;
  }

  /**
   * Resolves when there is nothing more to say about this.
   * @throws {NetworkError} what it failed by; ABORTED
   */
  async end(key: string, signal?: AbortSignal): Promise<void> {
    // The end of one may be the beginning of the next.
    for (let talk = this.#talks.get(key); talk !== undefined; talk = this.#talks.get(key)) await unlessAborted(talk.over, signal);
    const problem = this.#problems.get(key);
    if (problem !== undefined) throw problem;
  }
}

async function unlessAborted(over: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return over;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new NetworkError('ABORTED', 'given up while waiting for a plugin'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([over, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
