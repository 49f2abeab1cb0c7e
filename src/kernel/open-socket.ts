import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import type { SocketPlace, SocketRequest } from './kernel.ts';
import type { BoundSocket } from './protocol.ts';
import { rawSocketAddress, rawSocketPort, socketAddressText } from './raw-socket-address.ts';
import { bindSocket, closeFile, listenSocket, openSocketFd, setSocketOption, SOCKET, socketName } from './sys.ts';

const KINDS = {
  tcp: { type: SOCKET.SOCK_STREAM, protocol: SOCKET.IPPROTO_TCP },
  udp: { type: SOCKET.SOCK_DGRAM, protocol: SOCKET.IPPROTO_UDP },
  sctp: { type: SOCKET.SOCK_STREAM, protocol: SOCKET.IPPROTO_SCTP },
} as const;

/** As many as Node's own servers ask for (`net.Server.listen`). */
const BACKLOG = 511;

const UNSUPPORTED = new Set<number | undefined>([ERRNO.EPROTONOSUPPORT, ERRNO.ESOCKTNOSUPPORT, ERRNO.EAFNOSUPPORT]);

type Protocol = SocketRequest['protocol'];

/**
 * Opens a socket in the namespace of the calling thread.
 * @param port 0 lets the kernel choose
 * @throws {NetworkError} IN_USE, EXHAUSTED (port 0), UNSUPPORTED, INVALID, KERNEL
 */
export function openSocket(protocol: Protocol, place: SocketPlace, port: number): BoundSocket {
  const where = `${protocol} ${socketAddressText(place.address, port)}`;
  try {
    return bound(protocol, place, rawSocketAddress(place.address, port), where);
  } catch (error) {
    if (place.dualStack && errnoOf(error) === ERRNO.EAFNOSUPPORT) return openSocket(protocol, { address: '0.0.0.0', dualStack: false, listen: false }, port);
    throw inWords(error, protocol, place.address, port);
  }
}

function bound(protocol: Protocol, place: SocketPlace, address: Buffer, where: string): BoundSocket {
  const kind = KINDS[protocol];
  const family = address.readUInt16LE(0);
  const fd = openSocketFd(family, kind.type | SOCKET.SOCK_NONBLOCK, kind.protocol, `open ${where}`);
  try {
    if (family === SOCKET.AF_INET6) {
      setSocketOption(fd, SOCKET.IPPROTO_IPV6, SOCKET.IPV6_V6ONLY, place.dualStack ? 0 : 1, `open ${where}`);
    }
    const server = place.listen && protocol !== 'udp';
    // A reservation without it also keeps out those who set it; a server with it can take over from its own old connections.
    if (server) setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1, `open ${where}`);
    if (server || protocol === 'udp') bindSocket(fd, address, `bind ${where}`);
    else reserve(fd, address, where);
    if (server) listenSocket(fd, BACKLOG, `listen on ${where}`);
    return { fd, address: place.address, port: rawSocketPort(socketName(fd)) };
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}

/** Binds a socket that never listens, past connections in TIME_WAIT that a server before us left. */
function reserve(fd: number, address: Buffer, where: string): void {
  try {
    bindSocket(fd, address, `bind ${where}`);
  } catch (error) {
    if (errnoOf(error) !== ERRNO.EADDRINUSE) throw error;
    setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1, `open ${where}`);
    bindSocket(fd, address, `bind ${where}`);
    // Cleared, it keeps out those who set it as well.
    setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 0, `open ${where}`);
  }
}

function inWords(error: unknown, protocol: Protocol, address: string, port: number): unknown {
  const where = `${protocol} ${socketAddressText(address, port)}`;
  const errno = errnoOf(error);
  const kernel = error instanceof NetworkError && error.kernel !== undefined ? { cause: error, kernel: error.kernel } : { cause: error };
  if (errno === ERRNO.EADDRINUSE && port === 0) {
    return new NetworkError('EXHAUSTED', `${protocol} ${address}: no port is free; \`sysctl net.ipv4.ip_local_port_range\` shows which there are`, kernel);
  }
  if (errno === ERRNO.EADDRINUSE) {
    return new NetworkError('IN_USE', `${where} is in use by another program; \`ss -lntup\` shows which, or choose another port`, kernel);
  }
  if (UNSUPPORTED.has(errno)) {
    return new NetworkError('UNSUPPORTED', `this kernel has no ${protocol}${address.includes(':') ? ' over IPv6' : ''} (${where})`, kernel);
  }
  if (errno === ERRNO.EADDRNOTAVAIL) {
    return new NetworkError('KERNEL', `${where}: this host has no address ${address}; \`ip address\` lists what it has`, kernel);
  }
  return error;
}
