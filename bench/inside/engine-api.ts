import { request } from 'node:http';

/**
 * Asks the Docker engine of this host, as its client does.
 * @throws Error with the engine's words
 */
export function askEngine(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: '/run/docker.sock',
      method,
      path,
      headers: text === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      response.once('error', reject);
      response.once('end', () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${answer.trim()}`));
        else resolve(answer === '' ? undefined : JSON.parse(answer));
      });
    });
    asked.end(text);
  });
}
