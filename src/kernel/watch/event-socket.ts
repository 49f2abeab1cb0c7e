import { ERRNO, kernelError } from '../errno.ts';
import { readMessages } from '../netlink/message-reader.ts';
import type { Message } from '../netlink/message-reader.ts';
import { netlinkAddress } from '../netlink/netlink-socket.ts';
import { FILTER, filterProgram } from '../socket-filter.ts';
import { attachFilter, bindSocket, closeFile, openSocketFd, receiveFrom, SOCKET, trySocketOption } from '../sys.ts';

/** Room for the events of a burst: some 3000 links. Memory is charged only while events wait. */
const RECEIVE_BUFFER = 16 << 20;
const datagram = Buffer.alloc(1 << 17);
const sender = Buffer.alloc(12);

/** A netlink socket that only listens to multicast groups of the namespace it was opened in. */
export class EventSocket implements Disposable {
  readonly fd: number;
  #open = true;

  /**
   * @param groups group numbers, at most 32
   * @param unheard message types that the kernel is not to deliver
   * @throws {NetworkError} KERNEL
   */
  constructor(protocol: number, groups: readonly number[], unheard: readonly number[] = []) {
    this.fd = openSocketFd(SOCKET.AF_NETLINK, SOCKET.SOCK_RAW | SOCKET.SOCK_NONBLOCK, protocol, 'open a netlink event socket');
    trySocketOption(this.fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUFFORCE, RECEIVE_BUFFER);
    const mask = groups.reduce((bits, group) => bits | (1 << (group - 1)), 0) >>> 0;
    try {
      if (unheard.length > 0) attachFilter(this.fd, allBut(unheard), 'choose among netlink events');
      bindSocket(this.fd, netlinkAddress(mask), 'listen to netlink events');
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) closeFile(this.fd);
    this.#open = false;
  }

  /**
   * Hands over every message that waits; their payloads are valid during the call only.
   * @returns false when the kernel had to drop some (ENOBUFS)
   */
  read(take: (message: Message) => void): boolean {
    for (let complete = true; ; ) {
      const length = receiveFrom(this.fd, datagram, SOCKET.MSG_DONTWAIT | SOCKET.MSG_TRUNC, sender);
      if (length === -ERRNO.EAGAIN) return complete;
      if (length === -ERRNO.EINTR) continue;
      if (length === -ERRNO.ENOBUFS || length > datagram.length) {
        complete = false;
        continue;
      }
      if (length < 0) throw kernelError(-length, 'read netlink events');
      // Only the kernel's own port number is 0.
      if (sender.readUInt32LE(4) === 0) for (const message of readMessages(datagram.subarray(0, length))) take(message);
    }
  }
}

/** Drops types of messages: nlmsg_type, which stands in host order. */
function allBut(types: readonly number[]): Buffer {
  const { LOAD_HALF, EQUAL, RETURN, ALL } = FILTER;
  const drops = types.map((type, index) => [EQUAL, types.length - index, 0, ((type & 0xff) << 8) | (type >> 8)] as const);
  return filterProgram([[LOAD_HALF, 0, 0, 4], ...drops, [RETURN, 0, 0, ALL], [RETURN, 0, 0, 0]]);
}
