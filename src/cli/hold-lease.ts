import { leaseSandbox, renewLease } from '../api/calls.ts';
import type { Exchange } from '../../drivers/remote/exchange.ts';
import { ApiClient, readTraceLine, tracedCall, type LineStream } from '../api/client.ts';
import type { LeaseBody } from '../api/wire.ts';
import { NetworkError } from '../common/error.ts';
import type { SandboxView } from '../controller/views.ts';
import { waitForSocket } from './wait-for-socket.ts';

/** A sandbox that lives as long as we do; disposing stops holding it, and with that it goes. */
export interface HeldLease extends Disposable {
  readonly sandbox: SandboxView;
}

/**
 * Makes a sandbox for the life of this process. When the daemon goes away and comes back, the
 * lease is taken up again.
 * @param heed hears what the daemon says with Docker plugins for it
 * @throws {NetworkError} what the daemon says
 */
export async function holdLease(client: ApiClient, socketPath: string, body: LeaseBody, heed?: (exchange: Exchange) => void): Promise<HeldLease> {
  const end = new AbortController();
  const call = leaseSandbox(body);
  const stream = await client.lines(heed === undefined ? call : tracedCall(call), end.signal);
  const iterator = stream[Symbol.asyncIterator]();
  const sandbox = await readSandbox(iterator, heed);
  void keep(socketPath, sandbox.id, iterator, end.signal);
  return { sandbox, [Symbol.dispose]: () => end.abort() };
}

async function readSandbox(lines: AsyncIterator<string>, heed?: (exchange: Exchange) => void): Promise<SandboxView> {
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    const told = readTraceLine(line.value);
    if ('refusal' in told) throw new NetworkError(told.refusal.code, told.refusal.message);
    if ('result' in told) return told.result as SandboxView;
    heed?.(told.exchange);
  }
  throw new NetworkError('UNAVAILABLE', 'the daemon went away while it made the sandbox');
}

async function keep(socketPath: string, id: string, first: AsyncIterator<string>, signal: AbortSignal): Promise<void> {
  // One that starts no daemon: whoever has stopped the user's own starts it again.
  const client = new ApiClient(socketPath);
  let lines = first;
  while (!signal.aborted) {
    await drain(lines);
    if (!(await waitForSocket(socketPath, signal))) return;
    try {
      const stream: LineStream = await client.lines(renewLease(id), signal);
      lines = stream[Symbol.asyncIterator]();
    } catch (thrown) {
      // Refused: somebody has removed the sandbox by its name. Away again: wait again.
      if (NetworkError.from(thrown).code !== 'UNAVAILABLE') return;
    }
  }
}

/** Reads on until the daemon goes away. */
async function drain(lines: AsyncIterator<string>): Promise<void> {
  try {
    while ((await lines.next()).done !== true);
  } catch {
    // gone
  }
}
