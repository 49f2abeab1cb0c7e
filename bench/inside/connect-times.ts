/**
 * Runs on the LAN: how long connections to ports of a host take.
 *   connect-times.ts ADDRESS TIMES FIRST LAST
 * Prints a JSON list of two, for the ports from FIRST on and those before LAST: the median of the first
 * connections through each of them, and that of TIMES more through FIRST or LAST, microseconds.
 */
import { median } from '../report/statistics.ts';
import { BlockingSocket } from './blocking-socket.ts';

const [address = '', times = '0', firstPort = '0', lastPort = '0'] = process.argv.slice(2);
/** One connection alone says little. */
const SIDE_BY_SIDE = 9;

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
const [from, to] = [Number(firstPort), Number(lastPort)];
const beside = Math.min(SIDE_BY_SIDE, Math.max(1, Math.floor((to - from + 1) / 2)));
const found = [[from, 1] as const, [to, -1] as const].map(([port, step]) => {
  const first = median(Array.from({ length: beside }, (_, index) => once(port + index * step)));
  return { first, more: median(Array.from({ length: Number(times) }, () => once(port))) };
});
console.log(JSON.stringify(found));
