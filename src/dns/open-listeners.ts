import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from '../kernel/errno.ts';
import { rawSocketAddress, rawSocketPort, socketAddressText } from '../kernel/raw-socket-address.ts';
import { bindSocket, closeFile, listenSocket, openSocketFd, setSocketOption, SOCKET, socketName } from '../kernel/sys.ts';

/** A bound socket and its port. */
interface Bound {
  readonly fd: number;
  readonly port: number;
}

/** Connections that nobody has accepted yet; they cost nothing until they are there. */
const BACKLOG = 128;

/**
 * Opens a UDP socket and a listening TCP socket in the namespace of the calling thread. The address
 * need not be there yet: a namespace may have its `lo` down, a bridge may be made again.
 *
 * @param address plain
 * @param port 0 lets the kernel choose one for each
 * @throws {NetworkError} IN_USE, INVALID, KERNEL
 */
export function openListeners(address: string, port: number): { readonly udp: Bound; readonly tcp: Bound } {
  const udp = open('udp', address, port);
  try {
    return { udp, tcp: open('tcp', address, port) };
  } catch (error) {
    closeFile(udp.fd);
    throw error;
  }
}

function open(protocol: 'udp' | 'tcp', address: string, port: number): Bound {
  const raw = rawSocketAddress(address, port);
  const family = raw.readUInt16LE(0);
  const where = `${protocol} ${socketAddressText(address, port)}`;
  const type = protocol === 'udp' ? SOCKET.SOCK_DGRAM : SOCKET.SOCK_STREAM;
  const fd = openSocketFd(family, type | SOCKET.SOCK_NONBLOCK, 0, `open ${where}`);
  try {
    const [level, option] = family === SOCKET.AF_INET ? [SOCKET.IPPROTO_IP, SOCKET.IP_FREEBIND] : [SOCKET.IPPROTO_IPV6, SOCKET.IPV6_FREEBIND];
    setSocketOption(fd, level, option, 1, `open ${where}`);
    if (protocol === 'tcp') {
      setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1, `open ${where}`);
      // Accepted connections inherit it: an answer must not wait for the acknowledgement of the one before.
      setSocketOption(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_NODELAY, 1, `open ${where}`);
    }
    bindSocket(fd, raw, `bind ${where}`);
    if (protocol === 'tcp') listenSocket(fd, BACKLOG, `listen on ${where}`);
    return { fd, port: rawSocketPort(socketName(fd)) };
  } catch (error) {
    closeFile(fd);
    if (errnoOf(error) === ERRNO.EADDRINUSE) throw new NetworkError('IN_USE', `${where} is in use by another program`, { cause: error });
    throw error;
  }
}
