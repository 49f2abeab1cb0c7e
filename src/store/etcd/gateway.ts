import { NetworkError } from '../../common/error.ts';
import { OutcomeUnknown } from '../outcome-unknown.ts';
import { Backoff } from './backoff.ts';
import { pause, type Clock } from './clock.ts';
import { ClockSkew } from './clock-skew.ts';
import { Endpoints } from './endpoints.ts';
import type { Health } from './health.ts';
import type { Answer } from './messages.ts';
import type { CheckedOptions } from './options.ts';
import { refusalOf, type Refusal } from './refusal.ts';
import type { LineStream, Wire } from './wire.ts';
import { CUT, WireFailure } from './wire-failure.ts';

/**
 * What may be done when nobody can say whether a request was carried out: a `read`, or whatever comes to the same
 * when it is done twice, is made again; so is a `guarded` write, which cannot take place twice, but the answer then says
 * that it was; a write made `once` is not.
 */
export type Manner = 'read' | 'guarded' | 'once';

/** What a call gave. */
export interface Called<Result> {
  readonly answer: Result;
  /** Where it came from. */
  readonly endpoint: string;
  /** It had been sent before, and may have been carried out then. */
  readonly isRepeated: boolean;
}

type Outcome<Result> = { readonly answer: Result } | { readonly error: NetworkError } | Extract<Refusal, { kind: 'elsewhere' }>;

/** While a leader is chosen, ms; that takes etcd 1 to 2 s. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 400;

/** Makes calls to whichever server answers. */
export class Gateway implements Disposable {
  /** Highest revision of any answer. */
  revision = 0;
  /** Of the clocks of servers. */
  readonly skew: ClockSkew;
  readonly #options: CheckedOptions;
  readonly #wire: Wire;
  readonly #health: Health;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #endpoints: Endpoints;
  readonly #closing = new AbortController();
  #clusterId: string | undefined;
  #token: Promise<string> | undefined;

  constructor(options: CheckedOptions, wire: Wire, health: Health, clock: Clock, random: () => number) {
    this.#options = options;
    this.#wire = wire;
    this.#health = health;
    this.#clock = clock;
    this.skew = new ClockSkew(clock);
    this.#random = random;
    this.#endpoints = new Endpoints(options.endpoints, random);
    this.#clusterId = options.cluster?.toLowerCase().padStart(16, '0');
  }

  /** Of the cluster that answered, or has to; '' before. */
  get clusterId(): string {
    return this.#clusterId ?? '';
  }

  /**
   * Makes a call to the servers, one after the other, until one answers it; while they choose a leader, again.
   * @param path below /v3/
   * @throws {NetworkError} what etcd says of it; UNAVAILABLE when no server can answer; {@link OutcomeUnknown}
   */
  async call<Result extends Answer>(path: string, body: object, manner: Manner): Promise<Called<Result>> {
    const text = JSON.stringify(body);
    const waits = new Backoff(FIRST_WAIT, LONGEST_WAIT, this.#random);
    let isRepeated = false;
    let end = Infinity;
    for (;;) {
      const said: string[] = [];
      let isElecting = false;
      for (const endpoint of this.#endpoints.round()) {
        const outcome = await this.#attempt<Result>(endpoint, path, text);
        if (this.#closing.signal.aborted) throw closed();
        if ('answer' in outcome) return { answer: outcome.answer, endpoint, isRepeated };
        if ('error' in outcome) throw isRepeated && manner === 'guarded' ? new OutcomeUnknown(outcome.error.message, outcome.error) : outcome.error;
        this.#endpoints.leave(endpoint);
        said.push(`etcd at ${endpoint}: ${outcome.words}`);
        isElecting ||= outcome.isElecting;
        if (outcome.isUndone) continue;
        if (manner === 'once') throw new OutcomeUnknown(said.join('; '));
        isRepeated = true;
      }
      if (isElecting) end = Math.min(end, this.#clock.now() + this.#options.requestTimeout);
      if (!isElecting || this.#clock.now() >= end) throw this.#unavailable(said.join('; '), isRepeated && manner === 'guarded');
      await pause(this.#clock, waits.next(), this.#closing.signal);
    }
  }

  /**
   * Makes a call that is answered in lines, to the server that answered last. The stream ends when requests find that server gone.
   * @throws {NetworkError} what etcd says of it, UNAVAILABLE for everything after which another try may do
   */
  async stream(path: string, body: object): Promise<LineStream & { readonly endpoint: string }> {
    const endpoint = this.#endpoints.current;
    const stream = await this.#opened(endpoint, path, JSON.stringify(body)).catch((error: unknown) => {
      this.#endpoints.leave(endpoint);
      throw error;
    });
    const ending = this.#endpoints.whenLeft(endpoint, () => stream[Symbol.dispose]());
    return {
      endpoint,
      status: stream.status,
      [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
      [Symbol.dispose]: () => {
        ending[Symbol.dispose]();
        stream[Symbol.dispose]();
      },
    };
  }

  /** A stream's server said that it cannot go on. */
  leave(endpoint: string): void {
    this.#endpoints.leave(endpoint);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#wire[Symbol.dispose]();
  }

  async #opened(endpoint: string, path: string, body: string): Promise<LineStream> {
    try {
      const stream = await this.#wire.stream(`${endpoint}/v3/${path}`, body, await this.#tokenFrom(endpoint));
      if (stream.status === 200) return stream;
      let text = '';
      for await (const line of stream) text += line;
      const refusal = refusalOf(endpoint, stream.status, messageOf(text));
      if (refusal.kind === 'final') throw refusal.error;
      if (refusal.kind === 'token') this.#token = undefined;
      throw new NetworkError('UNAVAILABLE', `etcd at ${endpoint}: ${refusal.words}`);
    } catch (error) {
      if (error instanceof WireFailure) throw new NetworkError('UNAVAILABLE', `etcd at ${endpoint}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /** One try at one server. With a token that has run out, once more with a new one. */
  async #attempt<Result extends Answer>(endpoint: string, path: string, body: string, isSecond = false): Promise<Outcome<Result>> {
    try {
      const token = await this.#tokenFrom(endpoint);
      const answered = this.skew.ask();
      const { status, text, date } = await this.#wire.post(`${endpoint}/v3/${path}`, body, token);
      const checked = status === 200 ? this.#checked<Result>(text) : undefined;
      if (checked !== undefined && 'answer' in checked) answered(`etcd at ${endpoint}`, date);
      if (checked !== undefined) return checked;
      const refusal = refusalOf(endpoint, status, messageOf(text));
      if (refusal.kind === 'elsewhere') return refusal;
      this.#health.answered();
      if (refusal.kind === 'final') return refusal;
      this.#token = undefined;
      if (!isSecond) return await this.#attempt<Result>(endpoint, path, body, true);
      return { error: new NetworkError('FORBIDDEN', `etcd at ${endpoint}: ${refusal.words}`) };
    } catch (error) {
      if (error instanceof NetworkError) return { error };
      if (error instanceof WireFailure) return { kind: 'elsewhere', words: this.#wordsOf(error, endpoint), isUndone: error.isUndone, isElecting: false };
      throw error;
    }
  }

  /** An etcd that wants TLS hangs up on who does not speak it, and the other way round. */
  #wordsOf({ message }: WireFailure, endpoint: string): string {
    if (message !== CUT || this.revision > 0) return message;
    return `${message}; ${endpoint.startsWith('http:') ? 'if it wants TLS, write etcds:// (https)' : 'if it does not speak TLS, write etcd:// (http)'}`;
  }

  #checked<Result extends Answer>(text: string): Outcome<Result> {
    const answer = readAnswer<Result>(text);
    const { cluster_id: id, revision = '0' } = answer?.header ?? {};
    if (answer === undefined || !isInteger(id) || !isInteger(revision)) return elsewhere('what answers there is no etcd');
    const clusterId = BigInt(id).toString(16).padStart(16, '0');
    this.#clusterId ??= clusterId;
    // A write that went there did nothing: it depends on the key that says which store it is for.
    if (clusterId !== this.#clusterId) return elsewhere(`it belongs to cluster ${clusterId} and not to ${this.#clusterId}; is the address right?`);
    this.revision = Math.max(this.revision, Number(revision));
    this.#health.answered();
    return { answer };
  }

  /** What to say who we are with; nothing where no user is given. @throws {NetworkError} FORBIDDEN; {@link WireFailure} */
  async #tokenFrom(endpoint: string): Promise<string | undefined> {
    const { auth } = this.#options;
    if (auth === undefined) return undefined;
    this.#token ??= this.#authenticate(endpoint, { name: auth.user, password: auth.password });
    const token = this.#token;
    return token.catch((error: unknown) => {
      if (this.#token === token) this.#token = undefined;
      throw error;
    });
  }

  async #authenticate(endpoint: string, body: object): Promise<string> {
    const { status, text } = await this.#wire.post(`${endpoint}/v3/auth/authenticate`, JSON.stringify(body), undefined);
    const token = readAnswer<Answer & { readonly token?: string }>(text)?.token;
    if (status === 200 && token !== undefined) return token;
    const refusal = refusalOf(endpoint, status, messageOf(text));
    throw refusal.kind === 'final' ? refusal.error : new WireFailure(refusal.words, true);
  }

  #unavailable(reason: string, isUnknown: boolean): NetworkError {
    const error = new NetworkError('UNAVAILABLE', reason);
    this.#health.lost(error);
    return isUnknown ? new OutcomeUnknown(reason) : error;
  }
}

/** What a caller hears whose store was closed. */
export function closed(): NetworkError {
  return new NetworkError('UNAVAILABLE', 'the store is closed');
}

function elsewhere(words: string): Extract<Refusal, { kind: 'elsewhere' }> {
  return { kind: 'elsewhere', words, isUndone: true, isElecting: false };
}

/** As etcd's gateway writes numbers of 64 bits; what answers may be anything. */
function isInteger(text: unknown): text is string {
  return typeof text === 'string' && /^\d+$/.test(text);
}

/** Unary calls answer with the message itself, streaming ones of a single answer with it as `result`. */
function readAnswer<Result extends Answer>(text: string): (Result & { readonly result?: Result }) | undefined {
  try {
    const parsed = JSON.parse(text) as (Result & { readonly result?: Result }) | null;
    return parsed?.result ?? parsed ?? undefined;
  } catch {
    return undefined;
  }
}

function messageOf(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    return String(message ?? error ?? text);
  } catch {
    return text;
  }
}
