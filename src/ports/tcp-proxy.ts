import { connect, createServer, type Socket } from 'node:net';
import type { OpenSocket } from '../kernel/kernel.ts';
import type { ProxyTarget } from './proxy.ts';

/** Connections at one port at once; the kernel's backlog holds the rest. */
const MAX_CONNECTIONS = 4096;

/** Accepts on a listening socket and joins each connection to one to the target; half-closes pass through. */
export function openTcpProxy(socket: OpenSocket, target: ProxyTarget, port: number): Disposable {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const host = target();
    if (host === undefined) return void client.resetAndDestroy();
    const upstream = connect({ host, port, allowHalfOpen: true });
    join(client, upstream);
    join(upstream, client);
    for (const side of [client, upstream]) {
      open.add(side);
      side.once('close', () => open.delete(side));
    }
  });
  server.maxConnections = MAX_CONNECTIONS;
  // accept(2) fails when descriptors run out: the connection is lost, the port stays.
  server.on('error', () => {});
  server.listen({ fd: socket.detach() });
  return {
    [Symbol.dispose]: () => {
      server.close();
      for (const side of open) side.destroy();
    },
  };
}

function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.once('error', () => to.destroy());
}
