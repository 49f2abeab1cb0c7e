import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { OpenSocket } from '../kernel/kernel.ts';
import type { ProxyTarget } from './proxy.ts';

/** A client that says nothing for this long is forgotten, ms: conntrack's own time for UDP streams. */
const IDLE = 120_000;
/** Clients remembered at once; the oldest makes room. */
const MAX_CLIENTS = 1024;

interface Client {
  readonly upstream: Socket;
  readonly timer: NodeJS.Timeout;
}

/** Passes datagrams on to the target, each client by a socket of its own so that answers find back. */
export function openUdpProxy(socket: OpenSocket, target: ProxyTarget, port: number): Disposable {
  const clients = new Map<string, Client>();
  const forget = (key: string): void => {
    const client = clients.get(key);
    if (client === undefined) return;
    clearTimeout(client.timer);
    client.upstream.close();
    clients.delete(key);
  };
  const server = createSocket({ type: 'udp6' });
  const admit = (key: string, from: RemoteInfo, host: string): Client => {
    const [oldest] = clients.keys();
    if (clients.size >= MAX_CLIENTS && oldest !== undefined) forget(oldest);
    const upstream = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    // Connection refused is told to a connected UDP socket: the client's next datagram starts afresh.
    upstream.on('error', () => forget(key));
    upstream.on('message', (answer) => server.send(answer, from.port, from.address));
    upstream.connect(port, host);
    const client = { upstream, timer: setTimeout(() => forget(key), IDLE).unref() };
    clients.set(key, client);
    return client;
  };
  server.on('message', (message, from) => {
    const key = `${from.address} ${from.port}`;
    const known = clients.get(key);
    known?.timer.refresh();
    const host = target();
    if (host === undefined) return;
    const { upstream } = known ?? admit(key, from, host);
    whenConnected(upstream, () => upstream.send(message));
  });
  server.on('error', () => {});
  server.bind({ fd: socket.detach() });
  return {
    [Symbol.dispose]: () => {
      for (const key of clients.keys()) forget(key);
      server.close();
    },
  };
}

function whenConnected(socket: Socket, send: () => void): void {
  try {
    socket.remoteAddress();
    send();
  } catch {
    socket.once('connect', send);
  }
}
