import type { IncomingMessage } from 'node:http';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';

/** Largest body that is read, bytes: every port of a container published costs 9 MB of portmap. */
export const LARGEST_BODY: number = 16 << 20;

/**
 * The JSON document in a request, whatever its Content-Type says; undefined for an empty body.
 * @throws {NetworkError} INVALID when it is larger than {@link LARGEST_BODY} or no JSON, ABORTED when it is cut off
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const text = (await readAll(request)).toString('utf8').trim();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new NetworkError('INVALID', `the request is not JSON: it starts with ${quote(text.slice(0, 20))}`, { cause: error });
  }
}

function readAll(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What is too much is read to its end all the same: a caller that is still writing hears no answer.
      if (size <= LARGEST_BODY) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.once('end', () => {
      if (size <= LARGEST_BODY) resolve(Buffer.concat(chunks));
      else reject(new NetworkError('INVALID', `the request has ${size} bytes, ${LARGEST_BODY} are allowed: publish fewer ports or give fewer options`));
    });
    request.once('error', (error) => reject(new NetworkError('ABORTED', 'the request was cut off', { cause: error })));
    request.once('close', () => reject(new NetworkError('ABORTED', 'the request was cut off')));
  });
}
