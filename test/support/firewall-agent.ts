/** A thread that lives in one network namespace of the {@link FirewallLab}: its servers, and the packets that it sends. */
import koffi from 'koffi';
import { createSocket } from 'node:dgram';
import { openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** What a thread can be asked to do. */
export type AgentTask =
  | { readonly do: 'connect'; readonly protocol: 'tcp' | 'udp'; readonly address: string; readonly port: number; readonly timeout: number; readonly from?: string; readonly fromPort?: number; readonly say?: string }
  /** Frames in hexadecimal, sent by a link as they are. */
  | { readonly do: 'send'; readonly link: string; readonly frames: readonly string[] }
  /** The datagrams that came in so far, `TEXT from ADDRESS` a line. */
  | { readonly do: 'heard' };

/** Where a thread lives and what it serves there. */
export interface AgentHome {
  readonly path: string;
  readonly name: string;
  readonly serve: readonly { readonly address: string; readonly port: number }[];
}

const CLONE_NEWNET = 0x4000_0000;
const home = workerData as AgentHome;
const program = koffi.load(null);
const libc = {
  setns: program.func('int setns(int, int)') as (fd: number, type: number) => number,
  socket: program.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number,
  sendto: program.func('long sendto(int, const uint8_t *, size_t, int, const uint8_t *, uint32_t)') as (fd: number, data: Buffer, length: number, flags: number, to: Buffer, size: number) => number,
  close: program.func('int close(int)') as (fd: number) => number,
  if_nametoindex: program.func('uint32_t if_nametoindex(const char *)') as (name: string) => number,
};
if (libc.setns(openSync(home.path, 'r'), CLONE_NEWNET) !== 0) throw new Error(`cannot enter ${home.path}`);

const heard: string[] = [];

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

/** Answers who it is and whom it saw, over tcp and udp. */
function serve(address: string, port: number): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${home.name} saw ${plain(socket.remoteAddress)}`);
  });
  const datagrams = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
  datagrams.on('message', (text, from) => {
    heard.push(`${String(text)} from ${plain(from.address)}`);
    datagrams.send(`${home.name} saw ${plain(from.address)}`, from.port, from.address, () => {});
  });
  return Promise.all([
    new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve)),
    new Promise<void>((resolve, reject) => void datagrams.once('error', reject).bind(port, address, resolve)),
  ]);
}

/** The answer; `nothing` when it was refused, unreachable or silent for too long. */
function reach(task: AgentTask & { do: 'connect' }): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const sockets = new DisposableStack();
    const done = (): void => {
      clearTimeout(timer);
      sockets.dispose();
      resolve(answer === '' ? 'nothing' : answer);
    };
    const timer = setTimeout(done, task.timeout);
    if (task.protocol === 'tcp') {
      const socket = connect({ host: task.address, port: task.port, ...(task.from === undefined ? {} : { localAddress: task.from }) });
      sockets.defer(() => socket.destroy());
      socket.on('data', (data) => (answer += String(data))).on('error', done).on('end', done);
      return;
    }
    const socket = createSocket(task.address.includes(':') ? 'udp6' : 'udp4');
    sockets.defer(() => socket.close());
    socket.on('error', done).on('message', (data) => ((answer = String(data)), done()));
    socket.bind(task.fromPort ?? 0, task.from, () => {
      socket.setBroadcast(true);
      socket.send(task.say ?? 'hello', task.port, task.address, (error) => (error === null || error === undefined ? undefined : done()));
    });
  });
}

/** linux/if_packet.h: struct sockaddr_ll; linux/if_ether.h */
const AF_PACKET = 17;
const SOCK_RAW = 3;

function sendFrames(link: string, frames: readonly string[]): string {
  const fd = libc.socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) throw new Error('no packet socket');
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt32LE(libc.if_nametoindex(link), 4);
  try {
    for (const frame of frames.map((text) => Buffer.from(text, 'hex'))) if (libc.sendto(fd, frame, frame.length, 0, address, address.length) < 0) throw new Error(`cannot send by ${link}`);
  } finally {
    libc.close(fd);
  }
  return '';
}

parentPort?.on('message', ({ id, task }: { id: number; task: AgentTask }) => {
  const result = task.do === 'connect' ? reach(task) : Promise.resolve(task.do === 'heard' ? heard.join('\n') : sendFrames(task.link, task.frames));
  void result.then((value) => parentPort?.postMessage({ id, value }));
});
await Promise.all(home.serve.map(({ address, port }) => serve(address, port)));
parentPort?.postMessage({ id: 0, value: 'ready' });
