import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf, kernelError } from '../kernel/errno.ts';
import { rawSocketAddress, rawSocketPort, socketAddressText } from '../kernel/raw-socket-address.ts';
import { bindSocket, closeFile, ioctl, listenSocket, openSocketFd, setSocketOption, SOCKET, socketName } from '../kernel/sys.ts';

/** A bound socket and its port. */
interface Bound {
  readonly fd: number;
  readonly port: number;
}

/** Connections that nobody has accepted yet; they cost nothing until they are there. */
const BACKLOG = 128;

/** struct ifreq and its flags (linux/if.h, linux/sockios.h). */
const IFREQ = { size: 40, flags: 16, SIOCGIFFLAGS: 0x8913, IFF_UP: 1 } as const;

/**
 * Opens a UDP socket and a listening TCP socket in the namespace of the calling thread.
 *
 * @param address plain; it has to be there
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
  const where = `${protocol} ${socketAddressText(address, port)}`;
  const type = protocol === 'udp' ? SOCKET.SOCK_DGRAM : SOCKET.SOCK_STREAM;
  const fd = openSocketFd(raw.readUInt16LE(0), type | SOCKET.SOCK_NONBLOCK, 0, `open ${where}`);
  try {
    if (protocol === 'tcp') {
      setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1, `open ${where}`);
      // Accepted connections inherit it: an answer must not wait for the acknowledgement of the one before.
      setSocketOption(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_NODELAY, 1, `open ${where}`);
    }
    // In a namespace that never had a link up the kernel binds all the same, and answers from another address for ever.
    if (address.startsWith('127.') && !isLoopbackUp(fd)) throw kernelError(ERRNO.EADDRNOTAVAIL, `bind ${where}`);
    bindSocket(fd, raw, `bind ${where}`);
    if (protocol === 'tcp') listenSocket(fd, BACKLOG, `listen on ${where}`);
    return { fd, port: rawSocketPort(socketName(fd)) };
  } catch (error) {
    closeFile(fd);
    throw inWords(error, address, where);
  }
}

function isLoopbackUp(fd: number): boolean {
  const request = Buffer.alloc(IFREQ.size);
  request.write('lo');
  ioctl(fd, IFREQ.SIOCGIFFLAGS, request, 'ask whether `lo` is up');
  return (request.readUInt16LE(IFREQ.flags) & IFREQ.IFF_UP) !== 0;
}

function inWords(error: unknown, address: string, where: string): unknown {
  const errno = errnoOf(error);
  const kernel = error instanceof NetworkError && error.kernel !== undefined ? { cause: error, kernel: error.kernel } : { cause: error };
  if (errno === ERRNO.EADDRINUSE) return new NetworkError('IN_USE', `${where} is in use by another program`, kernel);
  if (errno !== ERRNO.EADDRNOTAVAIL) return error;
  const reason = address.startsWith('127.') ? '`lo` is down there; `ip -n NAMESPACE link set lo up` helps' : `there is no address ${address}; \`ip address\` lists those that are there`;
  return new NetworkError('KERNEL', `${where}: ${reason}`, kernel);
}
