/**
 * The kernel worker: the one thread that changes its network namespace and speaks netlink. It waits
 * in poll(2) for requests, kernel events and its own appointments alike, so that it needs neither a
 * second thread nor a clock.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ThreadData } from './blocked-thread.ts';
import { raiseOpenFileLimit } from './open-file-limit.ts';
import { toPlainError } from './protocol.ts';
import type { WorkerMessage, WorkerRequest } from './protocol.ts';
import { makeEventFd, pollReadable, readFile } from './sys.ts';
import { WorkerKernel } from './worker-kernel.ts';

/**
 * A process that ends without saying so (its own thread terminated from outside) joins this thread,
 * and a thread inside poll cannot be stopped: it looks up this often, in ms.
 */
const LOOK_UP = 10_000;

function run(post: (message: WorkerMessage) => void, next: () => WorkerRequest | undefined, ended: () => boolean): void {
  raiseOpenFileLimit();
  using kernel = new WorkerKernel(
    (event) => post({ kind: 'event', event }),
    (fd) => post({ kind: 'close', fd }),
    (id, datagram) => post({ kind: 'datagram', id, datagram }),
  );
  const wakeFd = makeEventFd();
  const counter = Buffer.alloc(8);
  post({ kind: 'ready', wakeFd, nftables: kernel.hasNftables });
  for (let open = true; open && !ended(); ) {
    const appointment = kernel.nextAppointment();
    const ready = pollReadable([wakeFd, ...kernel.eventFds], Math.min(appointment ?? LOOK_UP, LOOK_UP));
    if (ready.includes(wakeFd)) readFile(wakeFd, counter, 'read the wake counter');
    if (ready.some((fd) => fd !== wakeFd)) kernel.readEvents(ready);
    kernel.keepAppointments();
    for (let request = next(); request !== undefined && open; request = next()) {
      open = request.call !== 'close';
      post(answer(kernel, request));
      kernel.settle();
    }
  }
}

function answer(kernel: WorkerKernel, request: WorkerRequest): WorkerMessage {
  try {
    return { kind: 'done', id: request.id, result: kernel.carryOut(request) };
  } catch (error) {
    return { kind: 'failed', id: request.id, error: toPlainError(error) };
  }
}

const port = parentPort;
if (port !== null) {
  /* oxlint-disable typescript/no-unsafe-type-assertion -- both ends are ours: protocol.ts */
  const { exiting } = workerData as ThreadData<undefined>;
  run(
    (message) => port.postMessage(message),
    () => receiveMessageOnPort(port)?.message as WorkerRequest | undefined,
    () => Atomics.load(exiting, 0) !== 0,
  );
  /* oxlint-enable typescript/no-unsafe-type-assertion */
  port.close();
}
