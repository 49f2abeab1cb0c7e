import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Exchange } from '../../drivers/remote/exchange.ts';
import { ERROR_CODES, NetworkError, type ErrorCode } from '../common/error.ts';
import type { ApiCall } from './calls.ts';
import type { ErrorAnswer, ExplainAnswer, TraceLine } from './wire.ts';

// As an import it would also load fetch, which takes as long as the rest of a command.
const http = process.getBuiltinModule('node:http');

/** How the client reaches its daemon. */
export interface ClientOptions {
  /** Called when no daemon answers; the request is made once more when it returns. */
  readonly onAbsent?: () => Promise<void>;
}

/** An answer that comes in lines; disposing ends it. */
export interface LineStream extends AsyncIterable<string>, Disposable {}

/**
 * Speaks with the daemon over its socket.
 *
 * @example
 * ```ts
 * const client = new ApiClient('/run/netctl/netctl.sock');
 * const networks = await client.send(listNetworks());
 * ```
 */
export class ApiClient {
  readonly #socketPath: string;
  readonly #onAbsent: (() => Promise<void>) | undefined;

  constructor(socketPath: string, options: ClientOptions = {}) {
    this.#socketPath = socketPath;
    this.#onAbsent = options.onAbsent;
  }

  /**
   * Makes a request.
   * @throws {NetworkError} what the daemon says; UNAVAILABLE where there is none, FORBIDDEN without the rights to ask it, ABORTED
   */
  async send<Answer>(call: ApiCall<Answer>, signal?: AbortSignal): Promise<Answer> {
    const response = await this.#open(call, signal);
    const text = await readAll(response);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  /** The commands that a changing request amounts to; nothing is done. @throws as {@link ApiClient.send} */
  async explain(call: ApiCall<unknown>): Promise<readonly string[]> {
    const { commands } = await this.send<ExplainAnswer>({ method: call.method, path: call.path, query: { ...call.query, explain: 'true' }, body: call.body });
    return commands;
  }

  /**
   * Makes a request, and hears what the daemon says with Docker plugins meanwhile.
   * @throws as {@link ApiClient.send}
   */
  async trace<Answer>(call: ApiCall<Answer>, heed: (exchange: Exchange) => void): Promise<Answer> {
    using lines = await this.lines(tracedCall(call));
    for await (const line of lines) {
      const told = readTraceLine(line);
      if ('exchange' in told) heed(told.exchange);
      else if ('refusal' in told) throw new NetworkError(told.refusal.code, told.refusal.message);
      else return (told.result ?? undefined) as Answer;
    }
    throw new NetworkError('UNAVAILABLE', 'the daemon went away in the middle of its answer');
  }

  /**
   * Makes a request that is answered line by line, to the end or until disposed.
   * @throws as {@link ApiClient.send}; while iterating UNAVAILABLE when the daemon goes away
   */
  async lines(call: ApiCall<unknown>, signal?: AbortSignal): Promise<LineStream> {
    const response = await this.#open(call, signal);
    return { [Symbol.asyncIterator]: () => linesOf(response), [Symbol.dispose]: () => void response.destroy() };
  }

  async #open(call: ApiCall<unknown>, signal?: AbortSignal): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      response = await this.#request(call, signal);
    } catch (error) {
      if (this.#onAbsent === undefined || !isAbsent(error)) throw this.#unreachable(error);
      await this.#onAbsent();
      response = await this.#request(call, signal).catch((again: unknown) => Promise.reject(this.#unreachable(again)));
    }
    const { statusCode = 500 } = response;
    if (statusCode < 400) return response;
    throw refusal(statusCode, await readAll(response));
  }

  #request(call: ApiCall<unknown>, signal?: AbortSignal): Promise<IncomingMessage> {
    const query = call.query === undefined ? '' : `?${new URLSearchParams(call.query).toString()}`;
    const text = call.body === undefined ? '' : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const request: ClientRequest = http.request({
        socketPath: this.#socketPath,
        method: call.method,
        path: `${call.path}${query}`,
        headers: { Host: 'netctl', ...(text === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }) },
        ...(signal === undefined ? {} : { signal }),
      });
      request.once('response', resolve).once('error', reject).end(text);
    });
  }

  #unreachable(error: unknown): NetworkError {
    const { code, name, message } = error as NodeJS.ErrnoException;
    if (name === 'AbortError') return NetworkError.from(error);
    if (code === 'EACCES' || code === 'EPERM') {
      return new NetworkError('FORBIDDEN', `no right to open '${this.#socketPath}': the daemon serves root only; run as root, e.g. with sudo`, { cause: error });
    }
    if (isAbsent(error)) return new NetworkError('UNAVAILABLE', `no daemon listens on '${this.#socketPath}': start one with 'netctl daemon'`, { cause: error });
    return new NetworkError('UNAVAILABLE', `the daemon on '${this.#socketPath}' broke off: ${message}`, { cause: error });
  }
}

/** The same call, with {@link TraceLine}s before its answer. */
export function tracedCall<Answer>(call: ApiCall<Answer>): ApiCall<Answer> {
  return { ...call, query: { ...call.query, trace: 'true' } };
}

/** A line of a traced answer; one that is neither exchange nor refusal is the answer of a request that goes on in lines. */
export function readTraceLine(line: string): TraceLine {
  const parsed = JSON.parse(line) as TraceLine | object;
  return 'exchange' in parsed || 'refusal' in parsed || 'result' in parsed ? parsed : { result: parsed };
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED';
}

function refusal(status: number, text: string): NetworkError {
  try {
    const { code, message } = JSON.parse(text) as Partial<ErrorAnswer>;
    if (message !== undefined) return new NetworkError(isCode(code) ? code : 'INTERNAL', message);
  } catch {
    // something else than our daemon answers there
  }
  return new NetworkError('UNAVAILABLE', `the socket answered with HTTP status ${status}, which is no answer of a netctl daemon`);
}

function isCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', 'the daemon went away in the middle of its answer', { cause: error });
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    // Disposed by ourselves.
    if (response.destroyed && (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    throw new NetworkError('UNAVAILABLE', 'the daemon went away', { cause: error });
  }
}
