/** A kernel worker program that answers identities and, asked for `/crash`, ends without a word. */
import { parentPort } from 'node:worker_threads';
import { makeEventFd } from '../../src/kernel/sys.ts';
import type { WorkerMessage, WorkerRequest } from '../../src/kernel/protocol.ts';

const port = parentPort;
const say = (message: WorkerMessage): void => port?.postMessage(message);

port?.on('message', (request: WorkerRequest) => {
  if (request.call === 'identity' && request.arguments === '/crash') throw new Error('it broke');
  say({ kind: 'done', id: request.id, result: request.call === 'identity' ? `alive at ${request.arguments}` : undefined });
  if (request.call === 'close') port.close();
});
say({ kind: 'ready', wakeFd: makeEventFd(), nftables: false });
