/** The other end of commands.ts, outside: command-client.ts ADDRESS PORT WORD... runs the words there as if it were here. */
import { connect } from 'node:net';

const [address = '', port = '', ...words] = process.argv.slice(2);
let rest: Buffer = Buffer.alloc(0);
let code = 255;

const socket = connect({ host: address, port: Number(port), allowHalfOpen: true });
socket.once('connect', () => {
  socket.write(`${JSON.stringify(words)}\n`);
  process.stdin.pipe(socket);
});
socket.on('data', (data) => {
  rest = Buffer.concat([rest, data]);
  while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
    const end = 5 + rest.readUInt32BE(1);
    take(rest.readUInt8(), rest.subarray(5, end));
    rest = rest.subarray(end);
  }
});
// The command is over, whether somebody still had something to say to it or not.
socket.once('end', () => socket.destroy());
socket.once('error', ({ message }) => console.error(message));
socket.once('close', () => {
  process.exitCode = code;
  process.stdin.destroy();
});

function take(channel: number, data: Buffer): void {
  if (channel === 1) process.stdout.write(data);
  else if (channel === 2) process.stderr.write(data);
  else code = Number(data.toString('utf8'));
}
