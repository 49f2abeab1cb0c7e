import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { ServeRequest } from './agent-protocol.ts';
import { openSocket } from './agent-socket.ts';

/** A server that listens. */
export interface Listening {
  readonly port: number;
  close(): void;
}

/** Starts a server; gives it and the port it got. */
export function serve(request: ServeRequest): Promise<Listening> {
  const { address, port, text, mode } = request;
  const fd = openSocket({ ...request, family: address, bind: { address, port } });
  return new Promise((resolve, reject) => {
    if (request.proto === 'udp') {
      const type = address.includes(':') ? 'udp6' : 'udp4';
      const socket = createSocket(type);
      socket.once('error', reject);
      socket.on('message', (data, from) => {
        const reply = mode === 'echo' ? `${text}${String(data)}` : `${text} from ${from.address} ${String(from.port)}\n`;
        socket.send(reply, from.port, from.address);
      });
      socket.bind({ fd }, () => {
        resolve({ port: socket.address().port, close: () => void socket.close() });
      });
      return;
    }
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      sockets.add(socket.once('close', () => sockets.delete(socket)));
      if (mode === 'echo') socket.on('data', (data) => socket.write(`${text}${String(data)}`)).on('end', () => socket.end());
      else {
        const answer = (): void => void socket.resume().end(`${text} from ${plain(socket.remoteAddress)} ${String(socket.remotePort)}\n`);
        // sctp knows no half-closed association: who still has to say something then cannot.
        if (request.proto === 'sctp') socket.once('data', answer);
        else answer();
      }
    });
    server.once('error', reject);
    server.listen({ fd }, () => {
      const bound = server.address();
      resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : port, close: () => closeAll(server, sockets) });
    });
  });
}

/** `::ffff:192.0.2.1` is how a dual-stack socket writes 192.0.2.1. */
function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}
