import * as http from 'node:http';
import * as https from 'node:https';
import { WireFailure, wireFailure } from './wire-failure.ts';

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  /** Its Date header. */
  readonly date: string | undefined;
}

/** An answer that goes on, line by line; disposing cuts it. */
export interface LineStream extends AsyncIterable<string>, Disposable {
  readonly status: number;
}

/** What a server is trusted by, and what we prove ourselves with: PEM text. */
export interface Credentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Bytes of an answer, or of a line of one, that are still taken: etcd's own limit for one value is 1.5 MB. */
const LARGEST = 32 << 20;

/** A quiet connection is tried after so many ms; the kernel gives it up ten seconds later (libuv sets 10 probes, 1 s apart). */
const KEEP_ALIVE = 5000;

/** More than is taken of one answer: ask for less. */
export class AnswerTooLarge extends Error {}

/** Requests to servers, over connections that are kept. A stream has a connection of its own, so that it never stands in a request's way. */
export class Wire implements Disposable {
  readonly #timeout: number;
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };
  readonly #streams: { readonly http: http.Agent; readonly https: https.Agent };

  /** @param timeout how long a silent server is waited for, ms */
  constructor(credentials: Credentials, timeout: number) {
    this.#timeout = timeout;
    const kept = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE, maxFreeSockets: 4 };
    this.#agents = { http: new http.Agent(kept), https: new https.Agent({ ...kept, ...credentials }) };
    this.#streams = { http: new http.Agent(), https: new https.Agent(credentials) };
  }

  /** Posts JSON and gives the whole answer. @throws {WireFailure}; {@link AnswerTooLarge} */
  async post(url: string, body: string, token: string | undefined): Promise<Reply> {
    const response = await this.#send(url, body, token, this.#agents);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if ((size += chunk.length) > LARGEST) throw new AnswerTooLarge(`an answer of etcd is larger than ${LARGEST >> 20} MB`);
      }
    } catch (error) {
      throw error instanceof AnswerTooLarge ? error : wireFailure(error, true);
    }
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), date: response.headers.date };
  }

  /** Posts JSON and gives the answer line by line, for as long as the server has something to say. @throws {WireFailure}, while iterating too */
  async stream(url: string, body: string, token: string | undefined): Promise<LineStream> {
    const response = await this.#send(url, body, token, this.#streams);
    response.socket.setTimeout(0);
    response.socket.setKeepAlive(true, KEEP_ALIVE);
    return {
      status: response.statusCode ?? 0,
      [Symbol.asyncIterator]: () => linesOf(response),
      [Symbol.dispose]: () => void response.destroy(),
    };
  }

  /** Cuts every connection. */
  [Symbol.dispose](): void {
    for (const agent of [...Object.values(this.#agents), ...Object.values(this.#streams)]) agent.destroy();
  }

  #send(url: string, body: string, token: string | undefined, agents: { readonly http: http.Agent; readonly https: https.Agent }): Promise<http.IncomingMessage> {
    const isSecure = url.startsWith('https:');
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      // a server without a leader says so at once, and ends its streams, rather than let us wait
      'Grpc-Metadata-Hasleader': 'true',
      ...(token === undefined ? {} : { Authorization: token }),
    };
    const options = { method: 'POST', headers, timeout: this.#timeout };
    return new Promise((resolve, reject) => {
      const request = isSecure ? https.request(url, { ...options, agent: agents.https }) : http.request(url, { ...options, agent: agents.http });
      let isConnected = false;
      request.once('socket', (socket) => {
        if (request.reusedSocket) isConnected = true;
        else socket.once(isSecure ? 'secureConnect' : 'connect', () => (isConnected = true));
      });
      request.once('timeout', () => request.destroy(new WireFailure(`no answer within ${this.#timeout / 1000} s`, !isConnected)));
      request.once('error', (error) => reject(wireFailure(error, isConnected)));
      request.once('response', resolve);
      request.end(body);
    });
  }
}

async function* linesOf(response: http.IncomingMessage): AsyncGenerator<string, void> {
  let pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
        pieces.push(chunk.subarray(from, end));
        yield pieces.length === 1 ? String(pieces[0]) : Buffer.concat(pieces).toString();
        pieces = [];
        size = 0;
        from = end + 1;
      }
      pieces.push(chunk.subarray(from));
      if ((size += chunk.length - from) > LARGEST) throw new WireFailure(`a line of its answer is larger than ${LARGEST >> 20} MB`, false);
    }
  } catch (error) {
    throw wireFailure(error, true);
  }
  if (size > 0) yield Buffer.concat(pieces).toString();
}
