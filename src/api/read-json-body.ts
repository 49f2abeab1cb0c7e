import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** Bytes. A thousand ports are 20 kB. */
const LARGEST_BODY = 1024 * 1024;

/** A body that is longer than 1 MiB. */
export class BodyTooLarge extends NetworkError {
  constructor() {
    super('INVALID', `the request body is longer than ${LARGEST_BODY} bytes, the most that is read`);
  }
}

/**
 * The body of a request as JSON, whatever its Content-Type says; an empty one is `{}`.
 * @throws {NetworkError} INVALID when it is not JSON or too long, ABORTED when the caller goes away meanwhile
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new NetworkError('INVALID', `the request body is not JSON: it starts with ${quote(text.slice(0, 24))}`);
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    // Read on to the end without keeping it: who is cut off while writing never sees the answer.
    if (length <= LARGEST_BODY) chunks.push(chunk);
  });
  try {
    await once(request, 'end');
  } catch (error) {
    throw new NetworkError('ABORTED', 'the caller went away before its request was complete', { cause: error });
  }
  if (length > LARGEST_BODY) throw new BodyTooLarge();
  return Buffer.concat(chunks).toString('utf8');
}
