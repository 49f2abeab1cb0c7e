import { createSocket } from 'node:dgram';
import { isIPv6, Socket, type SocketConstructorOpts } from 'node:net';
import type { OpenRequest } from './agent-protocol.ts';
import { openSocket } from './agent-socket.ts';

/** A connection or a connected udp socket. */
export interface OpenFlow {
  readonly local: { readonly address: string; readonly port: number };
  write(text: string): void;
  onData: (text: string) => void;
  onEnd: (why: string) => void;
  close(): void;
}

/** Opens a flow. @throws Error whose message is the symbol of the error, e.g. `ECONNREFUSED` */
export async function open(request: OpenRequest): Promise<OpenFlow> {
  const { sourceAddress, sourcePort, address } = request;
  const from = { address: sourceAddress ?? (isIPv6(address) ? '::' : '0.0.0.0'), port: sourcePort ?? 0 };
  const bound = sourceAddress === undefined && sourcePort === undefined ? {} : { bind: from };
  const fd = openSocket({ ...request, family: address, ...bound });
  return request.proto === 'udp' ? openUdp(request, fd) : openTcp(request, fd);
}

function openTcp(request: OpenRequest, fd: number): Promise<OpenFlow> {
  return new Promise((resolve, reject) => {
    // manualStart, undocumented: without it node reads at once, and a socket that is not connected yet cannot be read
    const options: SocketConstructorOpts & { readonly manualStart: true } = { fd, manualStart: true };
    const socket = new Socket(options).connect({ host: request.address, port: request.port });
    const timer = setTimeout(() => fail('ETIMEDOUT'), request.timeoutMs);
    const fail = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(why));
    };
    const failed = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      const flow: OpenFlow = {
        local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
        write: (text) => socket.write(text),
        onData: () => {},
        onEnd: () => {},
        close: () => socket.destroy(),
      };
      socket.on('data', (data) => flow.onData(String(data)));
      socket.on('error', (error: NodeJS.ErrnoException) => flow.onEnd(error.code ?? error.message));
      socket.on('end', () => flow.onEnd('EOF'));
      resolve(flow);
    });
  });
}

function openUdp(request: OpenRequest, fd: number): Promise<OpenFlow> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(request.address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    socket.bind({ fd }, () => {
      // connected, so that an ICMP error comes back as one
      socket.connect(request.port, request.address, ((error?: NodeJS.ErrnoException) => {
        if (error !== undefined) return reject(new Error(error.code ?? error.message));
        const flow: OpenFlow = {
          local: socket.address(),
          write: (text) => socket.send(text),
          onData: () => {},
          onEnd: () => {},
          close: () => socket.close(),
        };
        socket.removeAllListeners('error');
        socket.on('message', (data) => flow.onData(String(data)));
        socket.on('error', (failure: NodeJS.ErrnoException) => flow.onEnd(failure.code ?? failure.message));
        resolve(flow);
      }) as () => void);
    });
  });
}

/** Sends and waits for the first data, the end or the time-out: which of them, and the data. */
export function exchange(flow: OpenFlow, text: string, timeoutMs: number): Promise<{ readonly data: string; readonly why: string }> {
  return new Promise((resolve) => {
    const done = (data: string, why: string): void => {
      clearTimeout(timer);
      resolve({ data, why });
    };
    const timer = setTimeout(() => done('', 'ETIMEDOUT'), timeoutMs);
    flow.onData = (data) => done(data, '');
    flow.onEnd = (why) => done('', why);
    flow.write(text);
  });
}
