import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { ApiController } from './api-controller.ts';

/** One request, on its way to its handler. */
export interface Call<Body = unknown> {
  /** The host's controller, or with `?explain=true` a copy of it that leaves the kernel alone. */
  readonly controller: ApiController;
  /** Placeholders of the path, decoded: `:network`. */
  readonly names: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Body;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/** A stream that a handler writes by itself. */
export interface StreamCall<Body = unknown> extends Call<Body> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One row of the route table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/networks/:network` */
  readonly path: string;
  /** Query parameters that it knows, besides `explain` where it changes something. */
  readonly query?: readonly string[];
  readonly body: z.ZodType;
  /** Can be explained instead of done. */
  readonly changes: boolean;
  /** Its result is the answer as JSON; undefined answers 204. */
  readonly handle: (call: Call) => unknown;
  /** Instead of `handle` for an answer that is not one JSON text. */
  readonly stream?: (call: StreamCall) => void | Promise<void>;
}

/** A row that was found, and what its placeholders stand for. */
export interface Match {
  readonly route: Route;
  readonly names: Readonly<Record<string, string>>;
}

/**
 * The row for a request.
 * @returns the methods that the path does take, when it does not take this one
 * @throws {NetworkError} NOT_FOUND for an unknown path, INVALID for one that is not well-formed
 */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match | { readonly allowed: readonly string[] } {
  const segments = path.split('/').map(decode);
  const matches = routes.flatMap((route): Match[] => {
    const names = bind(route.path.split('/'), segments);
    return names === undefined ? [] : [{ route, names }];
  });
  if (matches.length === 0) throw new NetworkError('NOT_FOUND', `the API has no path ${quote(path)}`);
  // A path in full words goes before one with placeholders: /sandboxes/adopt is no sandbox.
  const found = matches.filter(({ route }) => route.method === method).toSorted((a, b) => Object.keys(a.names).length - Object.keys(b.names).length)[0];
  return found ?? { allowed: [...new Set(matches.map(({ route }) => route.method))] };
}

function bind(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (part.startsWith(':') && segment !== '') names[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return names;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new NetworkError('INVALID', `path segment ${quote(segment)} is not percent-encoded UTF-8`);
  }
}
