import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { ApiController } from './api-controller.ts';
import { checkShape } from './check-shape.ts';
import { httpStatus } from './http-status.ts';
import type { Metrics } from './metrics.ts';
import { BodyTooLarge, readJsonBody } from './read-json-body.ts';
import { matchRoute, type Call, type Match, type Route, type StreamCall } from './route.ts';
import type { ErrorAnswer, ExplainAnswer, TraceLine } from './wire.ts';

/** What the API server works with. */
export interface ApiServerParts {
  readonly controller: ApiController;
  readonly routes: readonly Route[];
  readonly metrics: Metrics;
  /** Runs a task on a copy of the controller and gives the commands that it amounts to. */
  readonly explain: (task: (copy: ApiController) => Promise<unknown>) => Promise<readonly string[]>;
  /** Hears of defects of our own. */
  readonly report: (message: string) => void;
}

/** The daemon's HTTP API, not listening yet: every request goes by the table of routes. */
export function apiServer(parts: ApiServerParts): Server {
  return createServer((request, response) => void serve(parts, request, response));
}

async function serve(parts: ApiServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now();
  const { method = 'GET' } = request;
  const abort = new AbortController();
  let label = 'unknown';
  response.once('close', () => {
    parts.metrics.request(method, label, response.statusCode, (performance.now() - started) / 1000);
    if (!response.writableFinished) abort.abort();
  });
  try {
    // Not by URL, which would take `..` for a step up and not for a bad name.
    const [path = '', ...query] = (request.url ?? '/').split('?');
    const match = matchRoute(parts.routes, method, path);
    if (!('route' in match)) return refuseMethod(response, method, path, match.allowed);
    label = match.route.path;
    await answer(parts, match, new URLSearchParams(query.join('?')), request, response, abort.signal);
  } catch (thrown) {
    fail(parts, response, NetworkError.from(thrown));
  }
}

async function answer(
  { controller, explain }: ApiServerParts,
  { route, names }: Match,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const body = checkShape(route.body, await readJsonBody(request), 'request body');
  checkQuery(route, query);
  const call: Call = { controller, names, query, body, signal };
  if (isAsked(query, 'trace')) return trace(route, { ...call, request, response });
  if (isAsked(query, 'explain')) {
    const commands = await explain(async (copy) => route.handle({ ...call, controller: copy }));
    return sendJson(response, 200, { commands } satisfies ExplainAnswer);
  }
  if (route.stream !== undefined) return route.stream({ ...call, request, response });
  const result = await route.handle(call);
  if (result === undefined) response.writeHead(204).end();
  else sendJson(response, 200, result);
}

/** Answers in lines: everything that is said with Docker plugins, as it is said, and then the answer itself. */
async function trace(route: Route, call: StreamCall): Promise<void> {
  const { controller, response } = call;
  const write = (line: TraceLine): void => void response.write(`${JSON.stringify(line)}\n`);
  response.setHeader('Content-Type', 'application/x-ndjson');
  using _listening = controller.exchanges((exchange) => write({ exchange }));
  try {
    // What such a handler writes itself goes on behind these lines.
    if (route.stream !== undefined) return await route.stream(call);
    write({ result: (await route.handle(call)) ?? null });
  } catch (thrown) {
    const { code, message } = NetworkError.from(thrown);
    write({ refusal: { code, message: oneLine(message) } });
  }
  response.end();
}

function isAsked(query: URLSearchParams, what: 'explain' | 'trace'): boolean {
  return query.get(what) === 'true';
}

/** @throws {NetworkError} INVALID for a parameter that the route does not take, or another value than true and false */
function checkQuery(route: Route, query: URLSearchParams): void {
  const known = [...(route.query ?? []), ...(route.changes ? ['explain', 'trace'] : [])];
  for (const key of query.keys()) {
    if (!known.includes(key)) throw new NetworkError('INVALID', `unknown query parameter ${quote(key)}: ${route.method} ${route.path} takes ${known.join(', ') || 'none'}`);
  }
  for (const what of ['explain', 'trace']) {
    const value = query.get(what) ?? 'false';
    if (value !== 'true' && value !== 'false') throw new NetworkError('INVALID', `query parameter ${what}=${quote(value)} must be true or false`);
  }
}

function refuseMethod(response: ServerResponse, method: string, path: string, allowed: readonly string[]): void {
  response.setHeader('Allow', allowed.join(', '));
  sendJson(response, 405, { code: 'INVALID', message: `${quote(path)} cannot be asked by ${quote(method)}, only by ${allowed.join(', ')}` } satisfies ErrorAnswer);
}

function fail({ report }: ApiServerParts, response: ServerResponse, error: NetworkError): void {
  if (error.code === 'INTERNAL') report(`defect: ${error.stack ?? error.message}${error.cause instanceof Error ? `\n${error.cause.stack ?? ''}` : ''}`);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const tooLarge = error instanceof BodyTooLarge;
  sendJson(response, tooLarge ? 413 : httpStatus(error.code), { code: error.code, message: oneLine(error.message) } satisfies ErrorAnswer);
}

/** Messages of ours are one line already; those of defects may not be. */
function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, ' ');
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
}
