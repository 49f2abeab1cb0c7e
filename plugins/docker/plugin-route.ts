import type { z } from 'zod';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';

/** One delivery of a call. */
export interface PluginCall {
  /** `NetworkDriver.Join` */
  readonly method: string;
  /**
   * What takes the effect back if the answer cannot be delivered: the engine asks again then, and
   * must not find its own first try in the way.
   */
  onUndelivered(undo: () => Promise<void>): void;
}

/** Answers one method. The body is undefined where the engine sent none. */
export type PluginRoute = (body: unknown, call: PluginCall) => Promise<object>;

/** Answers by path below `/`, `NetworkDriver.Join` and so on. */
export type PluginRoutes = ReadonlyMap<string, PluginRoute>;

/**
 * A route that needs a body of the given shape.
 * @returns a route that throws INVALID, naming the field, for any other body
 */
export function route<Schema extends z.ZodType>(schema: Schema, answer: (request: z.output<Schema>, call: PluginCall) => object | Promise<object>): PluginRoute {
  return async (body, call) => {
    if (body === undefined) {
      // dockerd repeats a call whose connection broke, and may have used its body up by then.
      throw new NetworkError('INVALID', `the engine sent ${call.method} without a body, as it does when it repeats a call after a broken connection: run the docker command again`);
    }
    const parsed = schema.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const field = issue === undefined || issue.path.length === 0 ? 'its body' : `field ${quote(issue.path.map(String).join('.'))}`;
      throw new NetworkError('INVALID', `${call.method} cannot be understood: ${field}: ${issue?.message ?? 'malformed'}; is this a Docker engine of 20.10 or newer?`);
    }
    return answer(parsed.data, call);
  };
}

/** A route that takes any body or none. */
export function bareRoute(answer: () => object): PluginRoute {
  return async () => answer();
}
