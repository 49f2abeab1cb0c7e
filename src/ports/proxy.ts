import type { OpenSocket } from '../kernel/kernel.ts';
import { openTcpProxy } from './tcp-proxy.ts';
import { openUdpProxy } from './udp-proxy.ts';

/** Plain addresses of the endpoint behind a published port; IPv6 is preferred. */
export interface ProxyTarget {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/**
 * Carries what reaches the socket to the endpoint. Only traffic that NAT cannot deliver gets here:
 * everything else is translated before it could reach a socket of the host.
 * @param socket bound (udp) or listening (tcp); the proxy closes it
 */
export function openProxy(protocol: 'tcp' | 'udp', socket: OpenSocket, target: ProxyTarget, port: number): Disposable {
  const host = target.ipv6 ?? target.ipv4;
  if (host === undefined) return { [Symbol.dispose]: () => {} };
  return protocol === 'tcp' ? openTcpProxy(socket, host, port) : openUdpProxy(socket, host, port);
}
