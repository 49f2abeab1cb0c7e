import { NetworkError } from '../common/error.ts';
import { claimantOf, duplicateProbe } from './duplicate-probe.ts';
import { ERRNO, kernelError } from './errno.ts';
import { Channel } from './netlink/channel.ts';
import { findLink } from './netlink/link-messages.ts';
import { parseLink } from './netlink/snapshot.ts';
import type { Namespaces } from './netns.ts';
import type { AddressProbe } from './op.ts';
import { opWords } from './op-words.ts';
import { bindSocket, openSocketFd, pollReadable, receiveFrom, sendTo, setSocketOption, SOCKET } from './sys.ts';

/** linux/if_ether.h: every protocol, in network order as packet(7) wants it. */
const ETH_P_ALL = 0x0003;
const LONGEST = 2048;
/** struct sockaddr_ll: sll_pkttype, and what went out by this link. */
const PACKET_TYPE = 10;
const PACKET_OUTGOING = 4;

/**
 * Asks a link's neighbours for addresses and waits for an answer. Nothing else is done meanwhile:
 * who asks for this waits anyway.
 * @param discard closes a descriptor on another thread, as close(2) of a packet socket takes 10 ms
 * @throws {NetworkError} IN_USE naming the address and the MAC of who has it; KERNEL, NOT_FOUND, INVALID
 */
export function probeAddresses(namespaces: Namespaces, op: AddressProbe, now: () => number, discard: (fd: number) => void): void {
  using channel = Channel.open(namespaces, namespaces.require(op.namespace));
  const [answer] = channel.socket.transact([findLink(op.link)]);
  if (answer?.reply === undefined) throw kernelError(answer?.refusal?.errno ?? ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
  const { index, mac } = parseLink(answer.reply, new Map());
  const fd = namespaces.inside(channel.namespace, () => openSocketFd(SOCKET.AF_PACKET, SOCKET.SOCK_RAW | SOCKET.SOCK_NONBLOCK, 0, opWords(op)));
  try {
    listenOn(fd, index, op);
    for (let round = 0; round < op.count; round += 1) {
      for (const address of op.addresses) {
        const frame = duplicateProbe(address, mac);
        sendTo(fd, frame, frame.length, place(index, frame.readUInt16BE(12)), opWords(op));
      }
      const until = now() + op.interval;
      for (let left = op.interval; left > 0; left = until - now()) {
        pollReadable([fd], Math.ceil(left));
        refuseClaimed(fd, op, mac, () => now() >= until);
      }
    }
  } finally {
    discard(fd);
  }
}

function listenOn(fd: number, index: number, op: AddressProbe): void {
  // struct packet_mreq: answers to who has no address go to multicast groups that nobody here has joined.
  const membership = Buffer.alloc(16);
  membership.writeInt32LE(index, 0);
  membership.writeUInt16LE(SOCKET.PACKET_MR_ALLMULTI, 4);
  setSocketOption(fd, SOCKET.SOL_PACKET, SOCKET.PACKET_ADD_MEMBERSHIP, membership, opWords(op));
  bindSocket(fd, place(index, ETH_P_ALL), opWords(op));
}

/** @param over when the round's time is up: frames of a LAN that is flooded could come without end */
function refuseClaimed(fd: number, op: AddressProbe, own: string, over: () => boolean): void {
  const buffer = Buffer.alloc(LONGEST);
  const from = Buffer.alloc(20);
  while (!over()) {
    const length = receiveFrom(fd, buffer, SOCKET.MSG_DONTWAIT, from);
    if (length < 0) return;
    if (from[PACKET_TYPE] === PACKET_OUTGOING) continue;
    const frame = buffer.subarray(0, Math.min(length, buffer.length));
    for (const address of op.addresses) {
      const claimant = claimantOf(frame, address, own);
      if (claimant !== undefined) throw new NetworkError('IN_USE', `address ${address} is in use on this LAN by ${claimant}: choose another, or keep it out of the network's range (--ip-range, --aux-address)`);
    }
  }
}

/** struct sockaddr_ll (linux/if_packet.h) */
function place(index: number, protocol: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(SOCKET.AF_PACKET);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(index, 4);
  return address;
}
