import { ERRNO, kernelError } from '../kernel/errno.ts';
import { Channel } from '../kernel/netlink/channel.ts';
import type { NamespaceHandle, Namespaces } from '../kernel/netns.ts';
import type { Poller } from '../kernel/poller.ts';
import { rawSocketAddress } from '../kernel/raw-socket-address.ts';
import { closeFile, connectSocket, openSocketFd, SOCKET, tryReceive, trySend } from '../kernel/sys.ts';
import { u16 } from './bytes.ts';
import { AT, FLAG, HEADER, RCODE } from './protocol.ts';
import type { Server } from './server-set.ts';
import { isAnswerTo } from './stored-answer.ts';
import { StreamMessages } from './stream-messages.ts';


/** How a server is asked. */
export type Transport = 'udp' | 'tcp';

/** Who waits for an answer. One of the two is called, once, and never before `ask` has returned. */
export interface Waiting {
  /** The message is there during the call only. */
  readonly answered: (message: Uint8Array) => void;
  /** The connection was refused, is broken, leads nowhere. */
  readonly failed: () => void;
}

const PORT = 53;
/** Most bytes of one message; every conversation reads into the same ones. */
const LONGEST = 65_535;
const INPUT = Buffer.alloc(LONGEST);
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

  constructor(poller: Poller, namespaces: Namespaces) {
    this.#poller = poller;
    this.#namespaces = namespaces;
  }

  /**
   * Asks one server.
   * @returns the conversation: disposing ends it without a word. Undefined when it could not even begin
   */
  ask(server: Server, transport: Transport, question: Uint8Array, waiting: Waiting): Disposable | undefined {
    let fd = -1;
    try {
      fd = this.#connect(server, transport === 'udp' ? SOCKET.SOCK_DGRAM : SOCKET.SOCK_STREAM);
      return transport === 'udp' ? this.#byDatagram(fd, question, waiting) : this.#byStream(fd, question, waiting);
    } catch {
      // No such namespace (any more), no route there, no such address: the next server is asked.
      if (fd >= 0) closeFile(fd);
      return undefined;
    }
  }

  #byDatagram(fd: number, question: Uint8Array, waiting: Waiting): Disposable {
    const sent = trySend(fd, Buffer.from(question.buffer, question.byteOffset, question.length), question.length);
    if (sent < 0) throw kernelError(-sent, 'ask a name server');
    return this.#listen(fd, waiting, () => {
      const length = tryReceive(fd, INPUT, LONGEST);
      if (length === -ERRNO.EAGAIN) return undefined;
      if (length < 0) return 'failed';
      const message = INPUT.subarray(0, length);
      return isAnswerTo(question, message) || isRefusal(question, message) ? message : undefined;
    });
  }

  #byStream(fd: number, question: Uint8Array, waiting: Waiting): Disposable {
    const messages = new StreamMessages(LONGEST);
    let asked = false;
    let answer: Uint8Array | undefined;
    const take = (bytes: Uint8Array, start: number, end: number): void => {
      const message = bytes.subarray(start, end);
      if (isAnswerTo(question, message) || isRefusal(question, message)) answer ??= message;
    };
    const conversation = this.#listen(fd, waiting, () => {
      if (!asked) {
        // Connected, or not: it says so when something is sent.
        asked = trySend(fd, Buffer.concat([Buffer.from([question.length >>> 8, question.length]), question]), question.length + 2) > 0;
        if (asked) this.#poller.change(fd, { read: true, write: false });
        return asked ? undefined : 'failed';
      }
      const length = tryReceive(fd, INPUT, LONGEST);
      if (length === -ERRNO.EAGAIN) return undefined;
      if (length <= 0 || !messages.push(INPUT, length, take)) return 'failed';
      return answer;
    });
    this.#poller.change(fd, { read: false, write: true });
    return conversation;
  }

  /** @param read what has come: an answer, the end, or nothing of use yet */
  #listen(fd: number, waiting: Waiting, read: () => Uint8Array | 'failed' | undefined): Disposable {
    let open = true;
    const conversation = {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        this.#poller.remove(fd);
        closeFile(fd);
      },
    };
    this.#poller.add(fd, () => {
      const result = read();
      if (result === undefined) return;
      conversation[Symbol.dispose]();
      if (result === 'failed') waiting.failed();
      else waiting.answered(result);
    });
    return conversation;
  }

  /** @throws {NetworkError} NOT_FOUND, INVALID, KERNEL */
  #connect(server: Server, type: number): number {
    using namespace = this.#namespaces.require(server.namespace);
    const address = this.#addressOf(server, namespace);
    const fd = this.#namespaces.inside(namespace, () => openSocketFd(address.readUInt16LE(0), type | SOCKET.SOCK_NONBLOCK, 0, 'ask a name server'));
    const errno = -connectSocket(fd, address);
    if (errno === 0 || errno === ERRNO.EINPROGRESS) return fd;
    closeFile(fd);
    throw kernelError(errno, `ask name server ${server.address}`);
  }

  #addressOf(server: Server, namespace: NamespaceHandle): Buffer {
    const [plain = '', zone] = server.address.split('%');
    const address = rawSocketAddress(plain, PORT);
    if (zone === undefined || address.length <= SCOPE_AT) return address;
    address.writeUInt32LE(/^\d+$/.test(zone) ? Number(zone) : this.#linkIndex(zone, namespace), SCOPE_AT);
    return address;
  }

  #linkIndex(name: string, namespace: NamespaceHandle): number {
    using channel = Channel.open(this.#namespaces, { ...namespace, [Symbol.dispose]: () => {} });
    const index = channel.findIndex(name);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `ask a name server through '${name}'`);
    return index;
  }
}

/** A header alone: how some servers answer what they cannot read, an OPT record for instance. */
function isRefusal(question: Uint8Array, message: Uint8Array): boolean {
  const flags = u16(message, AT.FLAGS);
  if (message.length !== HEADER || u16(message, AT.ID) !== u16(question, AT.ID)) return false;
  return (flags & FLAG.RESPONSE) !== 0 && (flags & FLAG.RCODE) !== RCODE.NOERROR;
}
