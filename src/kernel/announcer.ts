import { announcement } from './announcement.ts';
import { kernelError, ERRNO } from './errno.ts';
import { Channel } from './netlink/channel.ts';
import { findLink } from './netlink/link-messages.ts';
import { parseLink } from './netlink/snapshot.ts';
import type { Namespaces } from './netns.ts';
import type { Announce, NamespacePath } from './op.ts';
import { opWords } from './op-words.ts';
import { closeFile, openSocketFd, sendTo, SOCKET } from './sys.ts';

interface Appointment {
  readonly op: Announce;
  readonly frame: Buffer;
  /** Which namespace the path meant at first: a name may be given again. */
  readonly identity: string | undefined;
  due: number;
  left: number;
}

/** What is open in one namespace while announcements are sent there. */
interface Outlet {
  readonly channel: Channel;
  /** AF_PACKET for ARP, raw IPv6 for neighbour advertisements. */
  readonly sockets: Map<number, number>;
}

/** The first that is not urgent waits so long, ms: a bridge with 1000 ports takes 3 ms to pass one on, and whoever attaches many comes first. */
const FIRST_AFTER = 50;

/** A file of announcements still to be sent would otherwise grow with every attach of a busy minute. */
const MOST_APPOINTMENTS = 10_000;

/**
 * Sends announcements: the first one before the batch is answered if it is urgent, soon after if
 * not, the others when they are due. Nothing is held open between two of them, and when link or
 * namespace is gone the rest is dropped.
 */
export class Announcer {
  readonly #namespaces: Namespaces;
  readonly #now: () => number;
  readonly #discard: (fd: number) => void;
  #appointments: Appointment[] = [];
  readonly #outlets = new Map<NamespacePath, Outlet>();

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

  /** Sends the first if it is urgent, and makes appointments for the others; {@link finish} follows. @throws {NetworkError} KERNEL, NOT_FOUND, INVALID */
  start(op: Announce): void {
    const frame = announcement(op.address, op.mac ?? this.#macOf(op));
    const sent = op.urgent === true && op.count > 0 ? 1 : 0;
    if (sent > 0) this.#send(op, frame);
    if (op.count === sent || this.#appointments.length >= MOST_APPOINTMENTS) return;
    const identity = this.#namespaces.identity(op.namespace);
    this.#appointments.push({ op, frame, identity, due: this.#now() + (sent > 0 ? op.interval : FIRST_AFTER), left: op.count - sent });
  }

  /** ms until the next one is due. */
  get next(): number | undefined {
    if (this.#appointments.length === 0) return undefined;
    return Math.max(0, Math.ceil(Math.min(...this.#appointments.map(({ due }) => due)) - this.#now()));
  }

  /** Sends one that is due; others are due still when it returns, so that nobody has to wait for a row of them. */
  keep(): void {
    const now = this.#now();
    const at = this.#appointments.findIndex(({ due }) => due <= now);
    const appointment = this.#appointments[at];
    if (appointment === undefined) return;
    appointment.due = now + appointment.op.interval;
    if (!this.#again(appointment) || --appointment.left === 0) this.#appointments.splice(at, 1);
    this.finish();
  }

  /** Lets go of the namespaces in which something was sent. */
  finish(): void {
    for (const { channel, sockets } of this.#outlets.values()) {
      for (const [family, fd] of sockets) {
        if (family === SOCKET.AF_PACKET) this.#discard(fd);
        else closeFile(fd);
      }
      channel[Symbol.dispose]();
    }
    this.#outlets.clear();
  }

  #again({ op, frame, identity }: Appointment): boolean {
    try {
      if (this.#namespaces.identity(op.namespace) !== identity) return false;
      this.#send(op, frame);
      return true;
    } catch {
      // It is courtesy to the neighbours, and nobody waits for the outcome.
      return false;
    }
  }

  #send(op: Announce, frame: Buffer): void {
    const outlet = this.#outlet(op.namespace);
    const index = outlet.channel.findIndex(op.link);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
    const family = frame.readUInt16BE(12) === ETHERTYPE_IPV6 ? SOCKET.AF_INET6 : SOCKET.AF_PACKET;
    let fd = outlet.sockets.get(family);
    if (fd === undefined) {
      // Protocol 0 and IPPROTO_RAW: neither receives anything.
      const protocol = family === SOCKET.AF_PACKET ? 0 : SOCKET.IPPROTO_RAW;
      fd = this.#namespaces.inside(outlet.channel.namespace, () => openSocketFd(family, SOCKET.SOCK_RAW, protocol, opWords(op)));
      outlet.sockets.set(family, fd);
    }
    // A raw IPv6 socket makes the Ethernet header itself; it is closed in no time, which a packet socket is not.
    const packet = family === SOCKET.AF_PACKET ? frame : frame.subarray(ETHERNET_HEADER);
    sendTo(fd, packet, packet.length, family === SOCKET.AF_PACKET ? linkLayerAddress(index, frame) : allNodes(index), opWords(op));
  }

  #macOf(op: Announce): string {
    const { socket } = this.#outlet(op.namespace).channel;
    const [answer] = socket.transact([findLink(op.link)]);
    if (answer?.reply === undefined) throw kernelError(answer?.refusal?.errno ?? ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
    return parseLink(answer.reply, new Map()).mac;
  }

  #outlet(path: NamespacePath): Outlet {
    const known = this.#outlets.get(path);
    if (known !== undefined) return known;
    const made = { channel: Channel.open(this.#namespaces, this.#namespaces.require(path)), sockets: new Map<number, number>() };
    this.#outlets.set(path, made);
    return made;
  }
}

const ETHERNET_HEADER = 14;
const ETHERTYPE_IPV6 = 0x86dd;

/** struct sockaddr_in6 of ff02::1 on a link */
function allNodes(index: number): Buffer {
  const address = Buffer.alloc(28);
  address.writeUInt16LE(SOCKET.AF_INET6);
  address.set([0xff, 0x02], 8);
  address[23] = 1;
  address.writeUInt32LE(index, 24);
  return address;
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
