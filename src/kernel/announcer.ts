import { announcement } from './announcement.ts';
import { kernelError, ERRNO } from './errno.ts';
import { Channel } from './netlink/channel.ts';
import type { Namespaces } from './netns.ts';
import type { Announce } from './op.ts';
import { opWords } from './op-words.ts';
import { openSocketFd, sendTo, SOCKET } from './sys.ts';

interface Appointment {
  readonly op: Announce;
  readonly frame: Buffer;
  /** Which namespace the path meant at first: a name may be given again. */
  readonly identity: string | undefined;
  due: number;
  left: number;
}

/** A file of announcements still to be sent would otherwise grow with every attach of a busy minute. */
const MOST_APPOINTMENTS = 10_000;

/**
 * Sends announcements: the first one at once, the others when they are due. Nothing is held open
 * between two of them, and when link or namespace is gone the rest is dropped.
 */
export class Announcer {
  readonly #namespaces: Namespaces;
  readonly #now: () => number;
  readonly #discard: (fd: number) => void;
  #appointments: Appointment[] = [];

  /**
   * @param now a monotonic clock, ms
   * @param discard closes a descriptor on another thread: the kernel lets close(2) of a packet socket wait 10 ms
   * for everybody who may be using it (packet_release: synchronize_net)
   */
  constructor(namespaces: Namespaces, now: () => number, discard: (fd: number) => void) {
    this.#namespaces = namespaces;
    this.#now = now;
    this.#discard = discard;
  }

  /** Sends the first and makes appointments for the others. @throws {NetworkError} KERNEL, NOT_FOUND, INVALID */
  start(op: Announce): void {
    const frame = announcement(op.address, op.mac);
    if (op.count < 1) return;
    using channel = Channel.open(this.#namespaces, this.#namespaces.require(op.namespace));
    const index = channel.findIndex(op.link);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
    this.#send(channel, op, index, frame);
    if (op.count === 1 || this.#appointments.length >= MOST_APPOINTMENTS) return;
    const identity = this.#namespaces.identity(op.namespace);
    this.#appointments.push({ op, frame, identity, due: this.#now() + op.interval, left: op.count - 1 });
  }

  /** ms until the next one is due. */
  get next(): number | undefined {
    if (this.#appointments.length === 0) return undefined;
    return Math.max(0, Math.ceil(Math.min(...this.#appointments.map(({ due }) => due)) - this.#now()));
  }

  /** Sends what is due. */
  keep(): void {
    if (this.#appointments.length === 0) return;
    const now = this.#now();
    this.#appointments = this.#appointments.filter((appointment) => {
      if (appointment.due > now) return true;
      appointment.due = now + appointment.op.interval;
      return this.#again(appointment) && --appointment.left > 0;
    });
  }

  #again({ op, frame, identity }: Appointment): boolean {
    try {
      if (this.#namespaces.identity(op.namespace) !== identity) return false;
      using channel = Channel.open(this.#namespaces, this.#namespaces.require(op.namespace));
      const index = channel.findIndex(op.link);
      if (index === undefined) return false;
      this.#send(channel, op, index, frame);
      return true;
    } catch {
      // It is courtesy to the neighbours, and nobody waits for the outcome.
      return false;
    }
  }

  #send(channel: Channel, op: Announce, index: number, frame: Buffer): void {
    // Protocol 0: it receives nothing.
    const fd = this.#namespaces.inside(channel.namespace, () => openSocketFd(SOCKET.AF_PACKET, SOCKET.SOCK_RAW, 0, opWords(op)));
    try {
      sendTo(fd, frame, frame.length, linkLayerAddress(index, frame), opWords(op));
    } finally {
      this.#discard(fd);
    }
  }
}

/** struct sockaddr_ll (linux/if_packet.h) */
function linkLayerAddress(index: number, frame: Buffer): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(SOCKET.AF_PACKET);
  frame.copy(address, 2, 12, 14);
  address.writeInt32LE(index, 4);
  address[11] = 6;
  frame.copy(address, 12, 0, 6);
  return address;
}
