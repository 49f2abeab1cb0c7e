/**
 * The DNS thread: waits in epoll_wait(2) for queries, answers from outside and requests alike, so that
 * what the main thread does never keeps a query waiting.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ThreadData } from '../kernel/blocked-thread.ts';
import { raiseOpenFileLimit } from '../kernel/open-file-limit.ts';
import { toPlainError } from '../kernel/protocol.ts';
import { makeEventFd, markOpenFiles, readFile } from '../kernel/sys.ts';
import { NameServer } from './name-server.ts';
import type { DnsMessage, DnsRequest, DnsThreadData } from './thread-protocol.ts';

/** A process that ends without saying so joins this thread, and a thread that waits cannot be stopped: it looks up this often, in ms. */
const LOOK_UP = 10_000;

function run({ exiting, data }: ThreadData<DnsThreadData>, post: (message: DnsMessage) => void, next: () => DnsRequest | undefined): void {
  raiseOpenFileLimit();
  markOpenFiles(data.openFiles);
  const wakeFd = makeEventFd();
  const counter = Buffer.alloc(8);
  let woken = false;
  const onWake = (): void => {
    readFile(wakeFd, counter, 'read the wake counter');
    woken = true;
  };
  const onDefect = (error: unknown): void => post({ kind: 'defect', error: toPlainError(error) });
  using server = new NameServer(data, wakeFd, onWake, onDefect);
  post({ kind: 'ready', wakeFd });
  for (let open = true; open && Atomics.load(exiting, 0) === 0; ) {
    try {
      server.wait(LOOK_UP);
    } catch (error) {
      onDefect(error);
    }
    if (!woken) continue;
    woken = false;
    for (let request = next(); request !== undefined && open; request = next()) {
      open = request.call !== 'close';
      post(answer(server, request));
    }
  }
}

function answer(server: NameServer, request: DnsRequest): DnsMessage {
  try {
    return { kind: 'done', id: request.id, result: server.carryOut(request) };
  } catch (error) {
    return { kind: 'failed', id: request.id, error: toPlainError(error) };
  }
}

const port = parentPort;
if (port !== null) {
  /* oxlint-disable typescript/no-unsafe-type-assertion -- both ends are ours: thread-protocol.ts */
  run(
    workerData as ThreadData<DnsThreadData>,
    (message) => port.postMessage(message),
    () => receiveMessageOnPort(port)?.message as DnsRequest | undefined,
  );
  /* oxlint-enable typescript/no-unsafe-type-assertion */
  port.close();
}
