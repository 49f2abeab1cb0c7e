import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import type { SocketRequest } from './kernel.ts';
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

/**
 * Opens a socket in the namespace of the calling thread.
 * @returns its descriptor and the port that it got
 * @throws {NetworkError} IN_USE, UNSUPPORTED, INVALID, KERNEL
 */
export function openSocket(request: SocketRequest): { fd: number; port: number } {
  const address = rawSocketAddress(request.address, request.port);
  const where = `${request.protocol} ${socketAddressText(request.address, request.port)}`;
  let fd = -1;
  try {
    fd = bound(request, address, where);
    return { fd, port: rawSocketPort(socketName(fd)) };
  } catch (error) {
    if (fd >= 0) closeFile(fd);
    throw inWords(error, request, where);
  }
}

function bound(request: SocketRequest, address: Buffer, where: string): number {
  const kind = KINDS[request.protocol];
  const family = address.readUInt16LE(0);
  const fd = openSocketFd(family, kind.type | SOCKET.SOCK_NONBLOCK, kind.protocol, `open ${where}`);
  try {
    if (family === SOCKET.AF_INET6) {
      setSocketOption(fd, SOCKET.IPPROTO_IPV6, SOCKET.IPV6_V6ONLY, request.dualStack ? 0 : 1, `open ${where}`);
    }
    const server = request.listen && request.protocol !== 'udp';
    // A reservation without it also keeps out those who set it; a server with it can take over from its own old connections.
    if (server) setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1, `open ${where}`);
    if (server || request.protocol === 'udp') bindSocket(fd, address, `bind ${where}`);
    else reserve(fd, address, where);
    if (server) listenSocket(fd, BACKLOG, `listen on ${where}`);
    return fd;
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

function inWords(error: unknown, request: SocketRequest, where: string): unknown {
  const errno = errnoOf(error);
  const kernel = error instanceof NetworkError && error.kernel !== undefined ? { cause: error, kernel: error.kernel } : { cause: error };
  if (errno === ERRNO.EADDRINUSE) {
    return new NetworkError('IN_USE', `${where} is in use by another program; \`ss -lntup\` shows which, or choose another port`, kernel);
  }
  if (UNSUPPORTED.has(errno)) {
    return new NetworkError('UNSUPPORTED', `this kernel has no ${request.protocol}${request.address.includes(':') ? ' over IPv6' : ''} (${where})`, kernel);
  }
  if (errno === ERRNO.EADDRNOTAVAIL) {
    return new NetworkError('KERNEL', `${where}: this host has no address ${request.address}; \`ip address\` lists what it has`, kernel);
  }
  return error;
}
