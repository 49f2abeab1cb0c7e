import { arpRequest, ETHERTYPE, HOP_LIMIT, icmp6Frame, IPPROTO_ICMPV6, NEIGHBOUR } from './neighbour-frames.ts';
import { macText, parseAddress, parseMac } from './netlink/parse.ts';

/** ff02::1:ff00:0/104 (RFC 4291 §2.7.1) */
const SOLICITED_NODE = Buffer.from('ff0200000000000000000001ff000000', 'hex');
const ETHERNET = 14;
const IPV6 = 40;

/**
 * The frame that asks whether anybody has an address, without claiming it: an ARP probe (RFC 5227
 * §2.1.1) or a neighbour solicitation from nobody (RFC 4862 §5.4.2).
 * @param address plain address
 * @throws {NetworkError} INVALID
 */
export function duplicateProbe(address: string, mac: string): Buffer {
  const { bytes } = parseAddress(address);
  const hardware = parseMac(mac);
  if (bytes.length === 4) return arpRequest(hardware, Buffer.alloc(4), bytes);
  const solicitation = Buffer.alloc(24);
  solicitation[0] = NEIGHBOUR.SOLICITATION;
  solicitation.set(bytes, 8);
  const group = Buffer.from(SOLICITED_NODE);
  group.set(bytes.subarray(13), 13);
  return icmp6Frame(hardware, Buffer.alloc(16), group, solicitation);
}

/**
 * The MAC address of who says in a frame that an address is its own, or asks for it as we do.
 * @param address plain address
 * @param own our MAC address: what we sent ourselves says nothing
 */
export function claimantOf(frame: Buffer, address: string, own: string): string | undefined {
  const { bytes } = parseAddress(address);
  const hardware = parseMac(own);
  if (frame.length < ETHERNET || frame.subarray(6, 12).equals(hardware)) return undefined;
  const type = frame.readUInt16BE(12);
  const payload = frame.subarray(ETHERNET);
  const claimant = bytes.length === 4 ? (type === ETHERTYPE.ARP ? arpClaimant(payload, bytes) : undefined) : type === ETHERTYPE.IPV6 ? ndClaimant(frame, bytes) : undefined;
  return claimant === undefined || claimant.equals(hardware) ? undefined : macText(claimant);
}

/** RFC 5227 §2.1.1: any ARP packet with that sender address, and the probe of somebody else. */
function arpClaimant(arp: Buffer, address: Buffer): Buffer | undefined {
  if (arp.length < 28 || arp.readUInt16BE(2) !== 0x0800 || arp[4] !== 6 || arp[5] !== 4) return undefined;
  const [mac, sender, target] = [arp.subarray(8, 14), arp.subarray(14, 18), arp.subarray(24, 28)];
  const probes = arp.readUInt16BE(6) === 1 && sender.every((byte) => byte === 0) && target.equals(address);
  return sender.equals(address) || probes ? mac : undefined;
}

/** RFC 4862 §5.4.3, §5.4.4: an advertisement of it, and the solicitation of somebody else who has none yet. */
function ndClaimant(frame: Buffer, address: Buffer): Buffer | undefined {
  const packet = frame.subarray(ETHERNET);
  const message = packet.subarray(IPV6);
  if (message.length < 24 || packet[6] !== IPPROTO_ICMPV6 || packet[7] !== HOP_LIMIT || !message.subarray(8, 24).equals(address)) return undefined;
  const probes = message[0] === NEIGHBOUR.SOLICITATION && packet.subarray(8, 24).every((byte) => byte === 0);
  return message[0] === NEIGHBOUR.ADVERTISEMENT || probes ? frame.subarray(6, 12) : undefined;
}
