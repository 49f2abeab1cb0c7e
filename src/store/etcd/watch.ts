import { NetworkError } from '../../common/error.ts';
import type { StoreBatch } from '../shared-store.ts';
import type { StoreEvent, WatchOptions } from '../store.ts';
import { Backoff } from './backoff.ts';
import { BatchQueue } from './batch-queue.ts';
import { pause, type Clock } from './clock.ts';
import { Compacted } from './compacted.ts';
import { EventBatches } from './event-batches.ts';
import type { Gateway } from './gateway.ts';
import type { Health } from './health.ts';
import type { KeySpace } from './key-space.ts';
import type { StreamLine, WatchAnswer } from './messages.ts';
import { refusalOf } from './refusal.ts';
import type { Transactions } from './transactions.ts';
import { WireFailure } from './wire-failure.ts';

/** Between two connections, ms: servers that are there and end every watch at once are not asked for one all the time. */
const FIRST_WAIT = 20;
const LONGEST_WAIT = 2000;

/** What a watch works with. */
export interface WatchSurroundings {
  readonly gateway: Gateway;
  readonly transactions: Transactions;
  readonly keys: KeySpace;
  readonly health: Health;
  readonly clock: Clock;
  /** Gives numbers from 0 up to 1. */
  readonly random: () => number;
}

/** A watch of etcd that goes on over one connection after the other. It begins at once, not when somebody fetches. */
export class EtcdWatch {
  readonly #prefix: string;
  readonly #surroundings: WatchSurroundings;
  readonly #signal: AbortSignal | undefined;
  readonly #queue = new BatchQueue();
  readonly #over = new AbortController();
  readonly #abort = (): void => this.#stop(() => this.#queue.drop());
  readonly #forget: () => void;
  #batches: EventBatches | undefined;
  #owed = 0;
  #paid: PromiseWithResolvers<void> | undefined;

  /** @param forget called when it is over */
  constructor(prefix: string, { after, signal }: WatchOptions, surroundings: WatchSurroundings, forget: () => void) {
    this.#prefix = prefix;
    this.#surroundings = surroundings;
    this.#signal = signal;
    this.#forget = forget;
    // A store that was opened without its servers has no revision yet: it watches from its first answer on.
    const from = after ?? surroundings.gateway.revision;
    if (after !== undefined || from > 0) this.#batches = new EventBatches(surroundings.keys, from);
    if (signal?.aborted === true) {
      this.#over.abort();
      this.#queue.drop();
      return;
    }
    signal?.addEventListener('abort', this.#abort);
    void this.#run();
  }

  /** Everything, a commit at a time. @throws {NetworkError} as {@link SharedStore.watchBatches} */
  async *batches(): AsyncGenerator<StoreBatch, void> {
    try {
      yield* this.#queue.fetch();
    } finally {
      this.#abort();
    }
  }

  /** Everything, a key at a time. @throws as {@link batches} */
  async *events(): AsyncGenerator<StoreEvent, void> {
    for await (const { events } of this.batches()) {
      for (const event of events) {
        if (this.#signal?.aborted === true) return;
        yield event;
      }
    }
  }

  /** This process has committed something: a watch that ends in good order has shown it. */
  owe(keys: readonly string[], revision: number): void {
    if (keys.some((key) => key.startsWith(this.#prefix))) this.#owed = Math.max(this.#owed, revision);
  }

  /** Ends when everything owed has come, or is not going to within so many ms. */
  async finish(ms: number): Promise<void> {
    const { health, clock } = this.#surroundings;
    if (this.#isOwing && health.now.isReachable && !this.#queue.isFull && !this.#over.signal.aborted) {
      this.#paid = Promise.withResolvers();
      const limit = new AbortController();
      await Promise.race([this.#paid.promise, pause(clock, ms, limit.signal)]);
      limit.abort();
    }
    this.#stop(() => this.#queue.end());
  }

  get #isOwing(): boolean {
    return (this.#batches?.revision ?? 0) < this.#owed;
  }

  #stop(end: () => void): void {
    this.#over.abort();
    this.#signal?.removeEventListener('abort', this.#abort);
    end();
    this.#paid?.resolve();
    this.#forget();
  }

  async #run(): Promise<void> {
    const { health, clock, random } = this.#surroundings;
    const over = this.#over.signal;
    const backoff = new Backoff(FIRST_WAIT, LONGEST_WAIT, random);
    while (!over.aborted) {
      try {
        await this.#connect(() => backoff.reset());
      } catch (error) {
        if (!isPassing(error) && !over.aborted) return this.#stop(() => this.#queue.end(error));
      }
      await health.reachable(over);
      await pause(clock, backoff.next(), over);
    }
  }

  /** Follows one connection to its end. @param onNews called when something came of it */
  async #connect(onNews: () => void): Promise<void> {
    const { gateway, transactions, keys } = this.#surroundings;
    const { revision } = await transactions.read();
    this.#batches ??= new EventBatches(keys, revision);
    const batches = this.#batches;
    if (revision < batches.revision) {
      gateway.revision = revision;
      throw wentBack(revision, batches.revision);
    }
    batches.restart();
    // What has been seen is asked for once more: etcd 3.4.23, among others, shows nothing of a deletion up to whose revision it was compacted, and
    // does not say so to whoever begins with that one (etcd-io/etcd#18089).
    const from = Math.max(1, batches.revision);
    const request = { ...keys.range(this.#prefix), start_revision: String(from), progress_notify: true, fragment: true };
    using stream = await gateway.stream('watch', { create_request: request });
    const end = (): void => stream[Symbol.dispose]();
    this.#over.signal.addEventListener('abort', end, { once: true });
    try {
      for await (const line of stream) {
        if (this.#over.signal.aborted) return;
        this.#read(line, stream.endpoint, batches, onNews);
        await this.#queue.room();
      }
    } finally {
      this.#over.signal.removeEventListener('abort', end);
    }
  }

  #read(line: string, endpoint: string, batches: EventBatches, onNews: () => void): void {
    const answer = this.#answerOf(line, endpoint);
    const whole = batches.add(answer);
    if (whole.length === 0) return;
    onNews();
    this.#queue.push(whole);
    if (!this.#isOwing) this.#paid?.resolve();
  }

  /** @throws {NetworkError} Compacted, FORBIDDEN; UNAVAILABLE when another connection may do */
  #answerOf(line: string, endpoint: string): WatchAnswer {
    const { gateway } = this.#surroundings;
    const { result, error } = parse(line);
    if (result !== undefined && result.canceled !== true) return result;
    if (result?.compact_revision !== undefined) throw new Compacted(endpoint);
    const refusal = refusalOf(endpoint, 200, error?.message ?? result?.cancel_reason ?? 'the watch was ended');
    if (refusal.kind === 'final') throw refusal.error;
    if (refusal.kind === 'elsewhere') gateway.leave(endpoint);
    throw new NetworkError('UNAVAILABLE', `etcd at ${endpoint}: ${refusal.words}`);
  }
}

function parse(line: string): StreamLine<WatchAnswer> {
  try {
    return JSON.parse(line) as StreamLine<WatchAnswer>;
  } catch (cause) {
    throw new WireFailure('a line of its answer is no JSON', false, cause);
  }
}

/** Whether another connection may do. */
function isPassing(error: unknown): boolean {
  if (error instanceof WireFailure) return true;
  return error instanceof NetworkError && error.code === 'UNAVAILABLE' && !(error instanceof Compacted) && !(error instanceof WentBack);
}

class WentBack extends NetworkError {}

function wentBack(revision: number, seen: number): WentBack {
  return new WentBack('UNAVAILABLE', `etcd is at revision ${revision}, but ${seen} was seen before: an older copy was restored; list again and watch from there`);
}
