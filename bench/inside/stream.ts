/**
 * Two ends of TCP connections inside network namespaces.
 *   stream.ts sink PORT        takes what comes, or gives each byte back when the first one is `e`
 *   stream.ts source ADDRESS PORT
 *     reads lines `bytes MS` and `round-trips MS`, answers with bytes a second or microseconds a round trip
 */
import { createInterface } from 'node:readline';
import { median } from '../report/statistics.ts';
import { BlockingSocket } from './blocking-socket.ts';

const [role, ...rest] = process.argv.slice(2);
const chunk = Buffer.alloc(1 << 17);

if (role === 'sink') sink(Number(rest[0]));
else for await (const line of createInterface({ input: process.stdin })) console.log(measure(line.split(' '), rest[0] ?? '', Number(rest[1])));

function sink(port: number): void {
  using server = BlockingSocket.listen(port);
  console.log('ready');
  for (;;) {
    using client = server.accept();
    const echo = client.receive(chunk.subarray(0, 1)) === 1 && chunk[0] === 0x65;
    for (;;) {
      const length = client.receive(chunk);
      if (length === 0) break;
      if (echo) client.send(chunk.subarray(0, length));
    }
  }
}

function measure([what, ms]: readonly string[], address: string, port: number): number {
  using socket = BlockingSocket.connect(address, port).prompt();
  return what === 'bytes' ? bytesPerSecond(socket, Number(ms)) : roundTrip(socket, Number(ms));
}

function bytesPerSecond(socket: BlockingSocket, ms: number): number {
  socket.send(Buffer.from('d'));
  // windows open first
  for (const warm = performance.now() + 50; performance.now() < warm; ) socket.send(chunk);
  let sent = 0;
  const started = performance.now();
  let now = started;
  for (; now < started + ms; now = performance.now()) {
    socket.send(chunk);
    sent += chunk.length;
  }
  return (sent / (now - started)) * 1000;
}

function roundTrip(socket: BlockingSocket, ms: number): number {
  socket.send(Buffer.from('e'));
  const byte = Buffer.alloc(1);
  const times: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const started = performance.now();
    socket.send(byte);
    socket.receive(byte);
    times.push((performance.now() - started) * 1000);
  }
  return median(times);
}
