import { readFileSync } from 'node:fs';
import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { NetworkError } from '../../src/common/error.ts';
import { oneLine, quote } from '../../src/common/quote.ts';
import type { Exchange } from './exchange.ts';
import type { PluginAddress, PluginTls } from './plugin-address.ts';

/** All that the engine says about what it takes (pkg/plugins/transport). */
const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json';
/** Host header on a unix socket. */
const NOWHERE = 'plugin.moby.localhost';
/** Largest answer that is read, bytes. */
const LARGEST = 16 << 20;
/** Longest sentence of a plugin that is repeated, characters. */
const LONGEST_WORDS = 500;

/** How a plugin is spoken to. */
export interface PluginClientOptions {
  /** A call that is not answered by then has failed, ms. */
  readonly patience: number;
  /** Hears every exchange. */
  readonly observe: (exchange: Exchange) => void;
}

/** How one call is made. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** 404 is an answer: the plugin does without this method. */
  readonly optional?: boolean;
}

/** What came back. */
interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Speaks the Docker engine's side of the plugin protocol: a POST for each call, JSON both ways. */
export class PluginClient {
  readonly address: PluginAddress;
  readonly #options: PluginClientOptions;

  constructor(address: PluginAddress, options: PluginClientOptions) {
    this.address = address;
    this.#options = options;
  }

  /**
   * Makes a call.
   * @param body left out where the protocol has none
   * @returns the answer with field names in lower case, as the engine does not care about theirs; undefined for a method that the plugin does without
   * @throws {NetworkError} FORBIDDEN with the plugin's own words, UNAVAILABLE when it cannot be reached or understood or is silent, ABORTED
   */
  async call(method: string, body?: unknown, { signal, optional = false }: CallOptions = {}): Promise<Readonly<Record<string, unknown>> | undefined> {
    const started = performance.now();
    let reply: Reply | undefined;
    try {
      reply = await this.#post(method, body, signal);
      const answer = reply.status === 404 && optional ? undefined : this.#read(method, reply);
      this.#tell(method, body, reply, started);
      return answer;
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      this.#tell(method, body, reply, started, error);
      throw error;
    }
  }

  #tell(method: string, request: unknown, reply: Reply | undefined, started: number, error?: NetworkError): void {
    const { name: plugin, place } = this.address;
    const answer = reply === undefined ? undefined : (tryParse(reply.text) ?? reply.text);
    const outcome = { ...(reply === undefined ? {} : { status: reply.status }), ...(error === undefined ? {} : { error: error.message }) };
    this.#options.observe({ plugin, place, method, request, answer, ...outcome, ms: performance.now() - started });
  }

  #read(method: string, { status, text }: Reply): Readonly<Record<string, unknown>> {
    const parsed = tryParse(text);
    const answer = isObject(parsed) ? lowerKeys(parsed) : {};
    // NetworkDriver says Err, IpamDriver says Error, and with another status than 200 both may say either.
    const words = [answer['err'], answer['error']].find((found) => typeof found === 'string' && found !== '');
    if (words !== undefined) throw this.#refusal(method, String(words));
    if (status !== 200) throw this.#refusal(method, `HTTP status ${status}${text.trim() === '' ? '' : `, ${quote(text.trim())}`}`);
    if (parsed === null || isObject(parsed)) return answer;
    throw this.#failure(method, text.trim() === '' ? 'nothing, where at least {} has to come' : `what is no JSON object: ${quote(text.trim())}`);
  }

  #refusal(method: string, words: string): NetworkError {
    return new NetworkError('FORBIDDEN', `plugin ${quote(this.address.name)} refused ${method}: ${spoken(words)}`);
  }

  #failure(method: string, what: string): NetworkError {
    return new NetworkError('UNAVAILABLE', `plugin ${quote(this.address.name)} answered ${method} with ${what}`);
  }

  #post(method: string, body: unknown, signal: AbortSignal | undefined): Promise<Reply> {
    const { name, place, target, tls } = this.address;
    const { patience } = this.#options;
    const late = AbortSignal.timeout(patience);
    const content = body === undefined ? '' : `${JSON.stringify(body)}\n`;
    const options: RequestOptions = {
      ...target,
      method: 'POST',
      path: `/${method}`,
      agent: false,
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      headers: { ...('socketPath' in target ? { Host: NOWHERE } : {}), Accept: MEDIA_TYPE, 'Content-Length': Buffer.byteLength(content) },
    };
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void => {
        if (signal?.aborted === true) return reject(new NetworkError('ABORTED', `given up while plugin ${quote(name)} was to answer ${method}`));
        const why = late.aborted ? `did not answer ${method} within ${patience / 1000} s: see what it waits for` : `cannot be asked for ${method}${reasonOf(error)}`;
        reject(new NetworkError('UNAVAILABLE', `plugin ${quote(name)} at ${place} ${why}`, { cause: error }));
      };
      const call = tls === undefined ? plainRequest(options, read) : secureRequest({ ...options, ...certificates(name, tls) }, read);
      call.once('error', refuse);
      call.end(content);

      function read(response: IncomingMessage): void {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST) call.destroy(new Error(`the answer is larger than ${LARGEST} bytes`));
          else chunks.push(chunk);
        });
        response.once('error', refuse);
        response.once('end', () => {
          // A connection that broke half way ends too.
          if (response.complete) resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
          else refuse(new Error('the answer was cut off'));
        });
      }
    });
  }
}

function reasonOf({ syscall, code, message }: NodeJS.ErrnoException): string {
  // The kernel's own sentence would name the place once more.
  return syscall === 'connect' ? `, nobody listens there (${code ?? message}): start it` : ` (${message}): its own log may say why`;
}

/** @throws {NetworkError} INVALID for files that cannot be read, or are no PEM */
function certificates(name: string, { insecure, ca, certificate, key }: PluginTls): { readonly rejectUnauthorized: boolean; readonly secureContext: SecureContext } {
  const files = {
    ...(ca === undefined ? {} : { ca: readPem(ca) }),
    ...(certificate === undefined ? {} : { cert: readPem(certificate) }),
    ...(key === undefined ? {} : { key: readPem(key) }),
  };
  try {
    return { rejectUnauthorized: !insecure, secureContext: createSecureContext(files) };
  } catch (error) {
    throw new NetworkError('INVALID', `TLS files of plugin ${quote(name)} (${[ca, certificate, key].filter((path) => path !== undefined).join(', ')}) make no sense: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws {NetworkError} INVALID for a file that cannot be read */
function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new NetworkError('INVALID', `TLS file '${path}' of a plugin cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lowerKeys(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerInside(inner)]));
}

function lowerInside(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerInside);
  return isObject(value) ? lowerKeys(value) : value;
}

/** A plugin's own sentence, as it may stand in a message. */
function spoken(text: string): string {
  const line = oneLine(text.replaceAll(/\s*\n\s*/g, ' ').trim());
  return line.length > LONGEST_WORDS ? `${line.slice(0, LONGEST_WORDS)}…` : line;
}
