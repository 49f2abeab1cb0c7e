import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { PluginRoutes } from './plugin-route.ts';
import { readBody } from './read-body.ts';
import { refusal } from './refusal.ts';

/** What the engine asks for in its only header. */
const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json';
/** A request that has not arrived as a whole by then is given up, ms. */
const ARRIVAL = 60_000;

/** A server, and how to end it. */
export interface PluginServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Stops listening, answers what is under way and drops the connections, which an engine keeps open for ever. */
  stop(): Promise<void>;
}

/**
 * An HTTP server that answers plugin calls.
 *
 * The engine sends no Content-Type, and an empty body to some methods. Refusals go out with status
 * 200: every engine from 20.10 on then shows exactly our text, while other statuses are wrapped
 * differently, and 404 is taken for success by some methods.
 *
 * @param report called with errors that are ours rather than the caller's
 */
export function pluginServer(routes: PluginRoutes, report: (error: NetworkError) => void): PluginServer {
  const underWay = new Set<Promise<unknown>>();
  const server = createServer({ requestTimeout: ARRIVAL }, (request, response) => {
    const closed = new Promise((resolve) => void response.once('close', resolve));
    const done = Promise.all([answer(routes, report, request, response), closed]).finally(() => underWay.delete(done));
    underWay.add(done);
  });
  // The engine keeps connections; one that we closed under its hands costs it a retry, with an empty body.
  server.keepAliveTimeout = 0;
  return {
    server,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      await Promise.all(underWay);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(routes: PluginRoutes, report: (error: NetworkError) => void, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  response.once('close', () => {
    if (response.writableFinished) return;
    for (const task of undo) task().catch((error: unknown) => report(NetworkError.from(error)));
  });
  const method = (request.url ?? '/').slice(1);
  const route = routes.get(method);
  if (request.method !== 'POST') return send(response, 405, refusal(new NetworkError('INVALID', 'plugin calls are POST requests')));
  if (route === undefined) return send(response, 404, refusal(new NetworkError('NOT_FOUND', `no method ${quote(method)} here`)));
  try {
    const body = await readBody(request);
    const result = await route(body, { method, onUndelivered: (task) => undo.push(task) });
    // The caller has gone while we worked: its `close` came before there was anything to take back.
    if (response.destroyed) await Promise.all(undo.map((task) => task()));
    else send(response, 200, result);
  } catch (thrown) {
    const error = NetworkError.from(thrown);
    if (error.code === 'INTERNAL') report(error);
    if (!response.destroyed) send(response, 200, refusal(error));
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': MEDIA_TYPE, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
