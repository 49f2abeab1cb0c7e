import { NetworkError } from '../../common/error.ts';
import { ERRNO, kernelError } from '../errno.ts';
import { bindSocket, closeFile, openSocketFd, receiveFrom, sendTo, SOCKET, trySocketOption } from '../sys.ts';
import { NETLINK, NLM_F } from './constants.ts';
import { Attributes, readMessages } from './message-reader.ts';
import type { Message } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** The kernel answers inside send; one that takes this long is stuck, and waiting on would block every later call. */
const ANSWER_SECONDS = 30;
/** A dump that changes under us more often than this is reported as it is unlikely to come to rest. */
const DUMP_ATTEMPTS = 20;
const RECEIVE_BUFFER = 4 << 20;

const KERNEL_ADDRESS = netlinkAddress(0);
const NO_ANSWER: Answer = { refusal: undefined, reply: undefined };
// One of each is enough for a thread: nothing here is asynchronous.
const datagram = Buffer.alloc(1 << 17);
const sender = Buffer.alloc(12);

/** Why a request of a batch was refused. */
export interface Refusal {
  readonly errno: number;
  /** The kernel's extended-ACK sentence. */
  readonly text: string | undefined;
}

/** What came back for one request. */
export interface Answer {
  /** Set when it was refused. */
  readonly refusal: Refusal | undefined;
  /** Payload of the object that was asked for, a copy. */
  readonly reply: Buffer | undefined;
}

/** A request for {@link NetlinkSocket.transact}: writes one message with the sequence number and flags it is given. */
export type Request = (writer: MessageWriter, sequence: number) => void;

/** struct sockaddr_nl */
export function netlinkAddress(groups: number): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(SOCKET.AF_NETLINK);
  address.writeUInt32LE(groups, 8);
  return address;
}

/**
 * A netlink socket of the namespace in which it was opened, for requests only: events come on
 * sockets of their own, so no notification is ever taken for an answer.
 */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  readonly #writer = new MessageWriter(1 << 14);
  #sequence = 0;
  #open = true;

  /** @param protocol NETLINK_ROUTE or NETLINK_NETFILTER @throws {NetworkError} KERNEL */
  constructor(protocol: number) {
    this.fd = openSocketFd(SOCKET.AF_NETLINK, SOCKET.SOCK_RAW, protocol, 'open a netlink socket');
    try {
      bindSocket(this.fd, netlinkAddress(0), 'bind a netlink socket');
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(ANSWER_SECONDS));
    trySocketOption(this.fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVTIMEO, timeout);
    trySocketOption(this.fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUFFORCE, RECEIVE_BUFFER);
    trySocketOption(this.fd, SOCKET.SOL_NETLINK, NETLINK.EXT_ACK, 1);
    trySocketOption(this.fd, SOCKET.SOL_NETLINK, NETLINK.CAP_ACK, 1);
    trySocketOption(this.fd, SOCKET.SOL_NETLINK, NETLINK.GET_STRICT_CHK, 1);
  }

  [Symbol.dispose](): void {
    if (this.#open) closeFile(this.fd);
    this.#open = false;
  }

  /** Hands the descriptor to the caller, who closes it from then on. */
  detach(): number {
    this.#open = false;
    return this.fd;
  }

  /**
   * Sends all requests in one system call and reads their acknowledgements. The kernel works through
   * them in order and goes on behind one that it refuses.
   * @returns an answer for each request
   * @throws {NetworkError} KERNEL when the socket itself fails
   */
  transact(requests: readonly Request[]): Answer[] {
    const first = this.#sequence + 1;
    this.#write(requests);
    return this.#answers(first, requests.length);
  }

  /**
   * The same for requests that the kernel carries out as a whole or not at all.
   * @param boundary what nfnetlink wants before and behind them
   * @throws {NetworkError} KERNEL also when all was understood and the whole was refused
   */
  transactAsOne(requests: readonly Request[], boundary: { readonly begin: Request; readonly end: Request }): Answer[] {
    const first = this.#sequence + 2;
    this.#write([boundary.begin, ...requests, boundary.end]);
    return this.#answers(first, requests.length);
  }

  #answers(first: number, count: number): Answer[] {
    sendTo(this.fd, this.#writer.finish(), this.#writer.length, KERNEL_ADDRESS, 'send to netlink');
    const answers: Answer[] = Array.from({ length: count }, () => NO_ANSWER);
    for (let missing = count; missing > 0; ) {
      for (const message of this.#receive()) {
        const index = message.sequence - first;
        // Of a whole: the kernel's verdict on all of it stands with its beginning.
        const verdict = index === -1 && message.type === NETLINK.MSG_ERROR ? refusal(message) : undefined;
        if (verdict !== undefined) throw kernelError(verdict.errno, 'change as a whole', verdict.text);
        if (index < 0 || index >= count) continue;
        if (message.type === NETLINK.MSG_ERROR) {
          answers[index] = { refusal: refusal(message), reply: answers[index]?.reply };
          missing--;
        } else {
          answers[index] = { refusal: undefined, reply: Buffer.from(message.payload) };
        }
      }
    }
    return answers;
  }

  /**
   * Reads a whole table, again when it changed while it was read.
   * @returns copies of the messages' payloads
   * @throws {NetworkError} KERNEL
   */
  dump(request: Request, what: string): { type: number; payload: Buffer }[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const found = this.#dumpOnce(request, what);
      if (found !== undefined) return found;
    }
    throw new NetworkError('KERNEL', `${what}: it changed ${DUMP_ATTEMPTS} times while it was read; try again`);
  }

  #dumpOnce(request: Request, what: string): { type: number; payload: Buffer }[] | undefined {
    const sequence = this.#sequence + 1;
    this.#write([request]);
    sendTo(this.fd, this.#writer.finish(), this.#writer.length, KERNEL_ADDRESS, what);
    const found: { type: number; payload: Buffer }[] = [];
    for (let interrupted = false; ; ) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F.DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NETLINK.MSG_ERROR || message.type === NETLINK.MSG_DONE) {
          const refused = message.payload.length >= 4 ? refusal(message) : undefined;
          if (refused !== undefined) throw kernelError(refused.errno, what, refused.text);
          return interrupted ? undefined : found;
        }
        found.push({ type: message.type, payload: Buffer.from(message.payload) });
      }
    }
  }

  #write(requests: readonly Request[]): void {
    this.#writer.clear();
    for (const request of requests) request(this.#writer, ++this.#sequence);
  }

  #receive(): Message[] {
    const length = receiveFrom(this.fd, datagram, SOCKET.MSG_TRUNC, sender);
    if (length === -ERRNO.EINTR) return [];
    if (length < 0) throw kernelError(-length, 'receive from netlink');
    if (length > datagram.length) throw new NetworkError('INTERNAL', `netlink datagram of ${length} bytes does not fit into ${datagram.length}`);
    // Any process may send to our port; only the kernel's own port number is 0.
    return sender.readUInt32LE(4) === 0 ? readMessages(datagram.subarray(0, length)) : [];
  }
}

/** NLMSG_ERROR or NLMSG_DONE: a negative errno, the echoed request or its header, then attributes. */
function refusal(message: Message): Refusal | undefined {
  const { payload, flags, type } = message;
  const errno = payload.length >= 4 ? -payload.readInt32LE(0) : ERRNO.EPROTO;
  if (errno === 0) return undefined;
  if ((flags & NLM_F.ACK_TLVS) === 0) return { errno, text: undefined };
  let offset = 4;
  if (type === NETLINK.MSG_ERROR) {
    const echoed = payload.length >= 8 ? payload.readUInt32LE(4) : 0;
    offset = (flags & NLM_F.CAPPED) !== 0 ? 4 + NETLINK.HEADER : 4 + echoed;
  }
  return { errno, text: new Attributes(payload, offset).text(NETLINK.ERRATTR_MSG) };
}
