/**
 * Makes requests of the daemon of the machine that it runs on: one on each line of standard input, as
 * `{"id": 1, "call": {…}}` in the form of src/api/calls.ts; answered in whatever order with `{"id": 1, "answer": …}` or
 * `{"id": 1, "refusal": {"code": …, "message": …}}`.
 */
import { createInterface } from 'node:readline';
import type { ApiCall } from '../../../src/api/calls.ts';
import { ApiClient } from '../../../src/api/client.ts';
import { defaultRunFolder, socketPath } from '../../../src/api/socket-path.ts';
import { NetworkError } from '../../../src/common/error.ts';

const client = new ApiClient(socketPath(defaultRunFolder()));

async function take(line: string): Promise<void> {
  const { id, call } = JSON.parse(line) as { id: number; call: ApiCall<unknown> };
  const said = await client.send(call).then(
    (answer) => ({ id, answer }),
    (thrown: unknown) => {
      const { code, message } = NetworkError.from(thrown);
      return { id, refusal: { code, message } };
    },
  );
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => void take(line));
