/**
 * Runs beside a name server: asks it one question after the other, blocking, for so many ms.
 *   ask-one-by-one.ts ADDRESS PORT MS NAME...
 * Prints as JSON how many were answered, how many were not within a second, and the times in microseconds.
 */
import { encode } from 'dns-packet';
import { rawSocketAddress } from '../../src/kernel/raw-socket-address.ts';
import { connectSocket, openSocketFd, receiveFrom, setSocketOption, SOCKET, trySend } from '../../src/kernel/sys.ts';
import { median, quantile } from '../report/statistics.ts';

const [address = '', port = '0', ms = '0', ...names] = process.argv.slice(2);
const queries = names.map((name, id) => encode({ type: 'query', id, flags: 0x0100, questions: [{ type: 'A', name }] }));
const fd = openSocketFd(SOCKET.AF_INET, SOCKET.SOCK_DGRAM, 0, 'ask');
const second = Buffer.alloc(16);
second.writeBigInt64LE(1n);
setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVTIMEO, second, 'ask');
connectSocket(fd, rawSocketAddress(address, Number(port)));
const answer = Buffer.alloc(1500);
const from = Buffer.alloc(28);
const times: number[] = [];
let lost = 0;
// this program's own code gets warm, too
const begin = performance.now() + 200;
for (const end = begin + Number(ms); performance.now() < end; ) {
  for (const query of queries) {
    const started = performance.now();
    trySend(fd, query, query.length);
    const length = receiveFrom(fd, answer, 0, from);
    if (started < begin) continue;
    if (length > 0) times.push((performance.now() - started) * 1000);
    else lost += 1;
  }
}
console.log(JSON.stringify({ answered: times.length, lost, p50: median(times), p99: quantile(times, 0.99) }));
