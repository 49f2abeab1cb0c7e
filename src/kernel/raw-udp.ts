import { kernelError, ERRNO } from './errno.ts';
import type { RawDatagram, RawUdpPlace } from './kernel.ts';
import { Channel } from './netlink/channel.ts';
import { macText, parseMac } from './netlink/parse.ts';
import type { Namespaces } from './netns.ts';
import { attachFilter, bindSocket, closeFile, openSocketFd, receiveFrom, SOCKET, trySendTo } from './sys.ts';
import { readUdpPacket, udpFilter, udpPacket } from './udp-packet.ts';

/** A datagram on its way out. */
export interface RawSending extends RawUdpPlace {
  /** The number by which its sender and {@link RawUdpSockets} know a socket. */
  readonly id: number;
  /** Plain addresses. */
  readonly from: string;
  readonly to: string;
  readonly toPort: number;
  /** Left out: everybody on the link. */
  readonly mac?: string;
  readonly payload: Uint8Array;
}

const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;
const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
/** Datagrams of one socket that are read in a row: others wait meanwhile. */
const AT_ONCE = 16;
/** DHCP's are smaller than a frame. */
const LARGEST = 2048;

/**
 * Packet sockets (packet(7)) that send and hear UDP on links without an address. A socket is opened
 * when the first datagram leaves by it, and again if it was lost: whoever asks asks again.
 */
export class RawUdpSockets implements Disposable {
  readonly #namespaces: Namespaces;
  readonly #discard: (fd: number) => void;
  readonly #hear: (id: number, datagram: RawDatagram) => void;
  readonly #open = new Map<number, { readonly fd: number; readonly index: number }>();
  readonly #buffer = Buffer.alloc(LARGEST);

  /**
   * @param discard closes a descriptor on another thread, as close(2) of a packet socket takes 10 ms
   * @param hear is told what comes
   */
  constructor(namespaces: Namespaces, discard: (fd: number) => void, hear: (id: number, datagram: RawDatagram) => void) {
    this.#namespaces = namespaces;
    this.#discard = discard;
    this.#hear = hear;
  }

  /** Readable when something came. */
  get fds(): readonly number[] {
    return [...this.#open.values()].map(({ fd }) => fd);
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#open.values()) closeFile(fd);
    this.#open.clear();
  }

  /** @throws {NetworkError} KERNEL, NOT_FOUND for a namespace that is gone, INVALID */
  send(sending: RawSending): void {
    const { id, family, from, to, port, toPort, mac, payload } = sending;
    const { fd, index } = this.#open.get(id) ?? this.#start(sending);
    const packet = udpPacket({ from, to, fromPort: port, toPort }, payload);
    const target = linkAddress(ETHERTYPE[family], index, mac ?? groupMac(to));
    const sent = trySendTo(fd, packet, packet.length, target, target.length);
    if (sent >= 0) return;
    this.close(id);
    throw kernelError(-sent, `send a datagram by ${sending.link}`);
  }

  /** Nothing to do for one that is not open. */
  close(id: number): void {
    const socket = this.#open.get(id);
    if (socket !== undefined) this.#discard(socket.fd);
    this.#open.delete(id);
  }

  /** Reads what came by those of the descriptors that are ours. */
  read(fds: readonly number[]): void {
    for (const [id, { fd }] of this.#open) if (fds.includes(fd)) this.#read(id, fd);
  }

  #read(id: number, fd: number): void {
    const sender = Buffer.alloc(20);
    for (let count = 0; count < AT_ONCE; count++) {
      const length = receiveFrom(fd, this.#buffer, SOCKET.MSG_DONTWAIT, sender);
      if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR) return;
      // The link is down or gone; the next datagram that is to leave opens another socket.
      if (length < 0) return this.close(id);
      const packet = readUdpPacket(this.#buffer.subarray(0, length));
      if (packet !== undefined) this.#hear(id, { from: packet.from, mac: macText(sender.subarray(12, 18)), payload: Uint8Array.from(packet.payload) });
    }
  }

  #start({ id, namespace, link, family, port }: RawUdpPlace & { readonly id: number }): { readonly fd: number; readonly index: number } {
    const what = `listen on ${link}`;
    using channel = Channel.open(this.#namespaces, this.#namespaces.require(namespace));
    const index = channel.findIndex(link);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${what}: there is no link '${link}'`);
    // Protocol 0 hears nothing until it is bound, and then only what passes the filter.
    const fd = this.#namespaces.inside(channel.namespace, () => openSocketFd(SOCKET.AF_PACKET, SOCKET.SOCK_DGRAM | SOCKET.SOCK_NONBLOCK, 0, what));
    try {
      attachFilter(fd, udpFilter(family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6, port), what);
      bindSocket(fd, linkAddress(ETHERTYPE[family], index), what);
    } catch (error) {
      this.#discard(fd);
      throw error;
    }
    const socket = { fd, index };
    this.#open.set(id, socket);
    return socket;
  }
}

/** Ethernet address of an IPv6 multicast group (RFC 2464 §7); everybody's for all else. */
function groupMac(address: string): string {
  if (!address.startsWith('ff0')) return EVERYBODY;
  const [tail = '0', before = '0'] = address.split(':').toReversed();
  return `33:33:${[before, tail].map((word) => word.padStart(4, '0').replace(/^(..)/, '$1:')).join(':')}`;
}

/** struct sockaddr_ll (linux/if_packet.h) */
function linkAddress(ethertype: number, index: number, mac?: string): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(SOCKET.AF_PACKET);
  address.writeUInt16BE(ethertype, 2);
  address.writeInt32LE(index, 4);
  if (mac === undefined) return address;
  address[11] = 6;
  parseMac(mac).copy(address, 12);
  return address;
}
