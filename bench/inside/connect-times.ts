/**
 * Runs on the LAN: how long connections to ports of a host take.
 *   connect-times.ts ADDRESS TIMES PORT...
 * Prints a JSON object: for each port the first connection and the median of TIMES more, microseconds.
 */
import { median } from '../report/statistics.ts';
import { BlockingSocket } from './blocking-socket.ts';

const [address = '', times = '0', ...ports] = process.argv.slice(2);

function once(port: number): number {
  const started = performance.now();
  using socket = BlockingSocket.connect(address, port);
  const took = (performance.now() - started) * 1000;
  void socket;
  return took;
}

// Neighbours get to know each other, and this program's own code gets warm, at a port where nobody listens.
for (let turn = 0; turn < 200; turn += 1) {
  try {
    once(1);
  } catch {
    // refused, as it should be
  }
}
const found = ports.map((port) => {
  const first = once(Number(port));
  return { port: Number(port), first, more: median(Array.from({ length: Number(times) }, () => once(Number(port)))) };
});
console.log(JSON.stringify(found));
