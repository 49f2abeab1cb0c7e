import { NetworkError } from '../common/error.ts';
import { ERRNO, kernelError } from '../kernel/errno.ts';
import { Channel } from '../kernel/netlink/channel.ts';
import { identityOf, type NamespaceHandle, type Namespaces } from '../kernel/netns.ts';
import type { Poller } from '../kernel/poller.ts';
import { rawSocketAddress } from '../kernel/raw-socket-address.ts';
import { closeFile, connectSocket, openSocketFd, SOCKET } from '../kernel/sys.ts';
import { DatagramConversation, StreamConversation, type Waiting } from './conversation.ts';
import type { Server } from './server-set.ts';

/** How a server is asked. */
export type Transport = 'udp' | 'tcp';

const PORT = 53;
/** Where a link-local address has the number of its link (struct sockaddr_in6). */
const SCOPE_AT = 24;

/**
 * Asks servers, each question by a socket of its own in the namespace that the server belongs to. A
 * new socket has a port that the kernel draws at random, and being connected it hears nobody but the server:
 * who wants to forge an answer has to guess port and id (RFC 5452).
 */
export class UpstreamSockets {
  readonly #poller: Poller;
  readonly #namespaces: Namespaces;
  /** Addresses without a zone, whose links may change. */
  readonly #addresses = new WeakMap<Server, Buffer>();

  constructor(poller: Poller, namespaces: Namespaces) {
    this.#poller = poller;
    this.#namespaces = namespaces;
  }

  /**
   * Asks one server.
   * @returns the conversation: disposing ends it without a word. Undefined when it could not even begin: no such
   * namespace (any more), no route there, no such address
   */
  ask(server: Server, transport: Transport, question: Uint8Array, waiting: Waiting): Disposable | undefined {
    try {
      if (transport === 'tcp') return new StreamConversation(this.#poller, this.#connect(server, SOCKET.SOCK_STREAM), question, waiting);
      return new DatagramConversation(this.#poller, this.#connect(server, SOCKET.SOCK_DGRAM), question, waiting);
    } catch {
      return undefined;
    }
  }

  /** @throws {NetworkError} NOT_FOUND, INVALID, KERNEL */
  #connect(server: Server, type: number): number {
    using namespace = this.#namespaces.require(server.namespace);
    if (server.identity !== undefined && identityOf(namespace) !== server.identity) {
      throw new NetworkError('NOT_FOUND', `${server.namespace} is another namespace now`);
    }
    const address = this.#addresses.get(server) ?? this.#addressOf(server, namespace);
    const fd = this.#namespaces.inside(namespace, () => openSocketFd(address.readUInt16LE(0), type | SOCKET.SOCK_NONBLOCK, 0, 'ask a name server'));
    const errno = -connectSocket(fd, address);
    if (errno === 0 || errno === ERRNO.EINPROGRESS) return fd;
    closeFile(fd);
    throw kernelError(errno, `ask name server ${server.address}`);
  }

  #addressOf(server: Server, namespace: NamespaceHandle): Buffer {
    const [plain = '', zone] = server.address.split('%');
    const address = rawSocketAddress(plain, PORT);
    if (zone === undefined || address.length <= SCOPE_AT) this.#addresses.set(server, address);
    else address.writeUInt32LE(/^\d+$/.test(zone) ? Number(zone) : this.#linkIndex(zone, namespace), SCOPE_AT);
    return address;
  }

  #linkIndex(name: string, namespace: NamespaceHandle): number {
    using channel = Channel.open(this.#namespaces, { ...namespace, [Symbol.dispose]: () => {} });
    const index = channel.findIndex(name);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `ask a name server through '${name}'`);
    return index;
  }
}
