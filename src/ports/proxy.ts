import type { OpenSocket } from '../kernel/kernel.ts';
import { openTcpProxy } from './tcp-proxy.ts';
import { openUdpProxy } from './udp-proxy.ts';

/** Plain address of the endpoint behind a published port at this moment; undefined while there is none. */
export type ProxyTarget = () => string | undefined;

/**
 * Carries what reaches the socket to the endpoint. Only traffic that NAT cannot deliver gets here:
 * everything else is translated before it could reach a socket of the host.
 * @param socket bound (udp) or listening (tcp); the proxy closes it
 */
export function openProxy(protocol: 'tcp' | 'udp', socket: OpenSocket, target: ProxyTarget, port: number): Disposable {
  return protocol === 'tcp' ? openTcpProxy(socket, target, port) : openUdpProxy(socket, target, port);
}
