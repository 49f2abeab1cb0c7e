/**
 * Runs commands for whoever connects to a TCP port of the machine that this runs on: commands.ts ADDRESS PORT.
 * A connection is one command: a line of JSON with its words, then its standard input; back come frames of
 * a byte (1 stdout, 2 stderr, 3 exit code as text), four bytes of length (big endian) and so many bytes.
 * A command ends with its connection. Whoever reaches the port is root there: it is for a network that nobody else has.
 */
import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';

const [address = '', port = ''] = process.argv.slice(2);

function serve(socket: Socket): void {
  let head = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', function take(data: Buffer) {
    head = Buffer.concat([head, data]);
    const end = head.indexOf('\n');
    if (end < 0) return;
    socket.off('data', take);
    socket.pause();
    execute(socket, JSON.parse(head.subarray(0, end).toString('utf8')) as string[], head.subarray(end + 1));
  });
}

function execute(socket: Socket, [file = '', ...words]: readonly string[], input: Buffer): void {
  const child = spawn(file, words, { detached: true });
  child.stdin.on('error', () => {}); // it may end without reading all of it
  if (input.length > 0) child.stdin.write(input);
  socket.pipe(child.stdin);
  socket.once('close', () => child.kill('SIGKILL'));
  child.stdout.on('data', (data: Buffer) => frame(socket, 1, data));
  child.stderr.on('data', (data: Buffer) => frame(socket, 2, data));
  child.once('error', ({ message }) => frame(socket, 2, Buffer.from(`${message}\n`)));
  child.once('close', (code) => {
    frame(socket, 3, Buffer.from(String(code ?? 255)));
    socket.end();
  });
}

function frame(socket: Socket, channel: number, data: Buffer): void {
  const head = Buffer.alloc(5);
  head.writeUInt8(channel);
  head.writeUInt32BE(data.length, 1);
  socket.write(Buffer.concat([head, data]));
}

createServer({ allowHalfOpen: true }, serve).listen(Number(port), address, () => console.log('ready'));
