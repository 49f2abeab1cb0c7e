/**
 * A hostile program in a thread: sends what it is given to one UDP port as fast as it can, never looks at
 * answers, and says at the end how many it has sent.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { rawSocketAddress } from '../../src/kernel/raw-socket-address.ts';
import { closeFile, openSocketFd, SOCKET, trySendTo } from '../../src/kernel/sys.ts';

/** What it is to do. */
export interface Flood {
  readonly address: string;
  readonly port: number;
  readonly packets: readonly Uint8Array[];
  /** How long, in ms. */
  readonly time: number;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- started by dns-hostile.test.ts
const { address, port, packets, time } = workerData as Flood;
const to = rawSocketAddress(address, port);
const buffers = packets.map((packet) => Buffer.from(packet));
const fd = openSocketFd(SOCKET.AF_INET, SOCKET.SOCK_DGRAM, 0, 'flood');
let sent = 0;
for (const end = performance.now() + time; performance.now() < end; ) {
  for (const buffer of buffers) sent += trySendTo(fd, buffer, buffer.length, to, to.length) >= 0 ? 1 : 0;
}
closeFile(fd);
parentPort?.postMessage(sent);
