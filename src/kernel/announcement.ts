import { parseAddress, parseMac } from './netlink/parse.ts';

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
const ND_NEIGHBOR_ADVERT = 136;
const ND_OPT_TARGET_LINKADDR = 2;
/** RFC 4861 §4.4: the entry in the cache is to be overwritten. */
const NA_OVERRIDE = 0x2000_0000;
/** RFC 4861 §7.1.2: anything less has crossed a router and is thrown away. */
const HOP_LIMIT = 255;
const EVERYBODY = Buffer.from('ffffffffffff', 'hex');
/** ff02::1 as an Ethernet address (RFC 2464 §7) and as itself. */
const ALL_NODES_MAC = Buffer.from('333300000001', 'hex');
const ALL_NODES = Buffer.from('ff020000000000000000000000000001', 'hex');

/**
 * The Ethernet frame that tells a link's neighbours where an address lives now: an ARP announcement
 * (RFC 5227 §3) or an unsolicited neighbour advertisement (RFC 4861 §7.2.6).
 * @param address plain address
 * @throws {NetworkError} INVALID
 */
export function announcement(address: string, mac: string): Buffer {
  const { bytes } = parseAddress(address);
  const hardware = parseMac(mac);
  return bytes.length === 4 ? arpAnnouncement(bytes, hardware) : neighbourAdvertisement(bytes, hardware);
}

function arpAnnouncement(address: Buffer, mac: Buffer): Buffer {
  const arp = Buffer.alloc(28);
  arp.writeUInt16BE(1, 0); // ARPHRD_ETHER
  arp.writeUInt16BE(0x0800, 2);
  arp.set([6, 4], 4);
  arp.writeUInt16BE(1, 6); // ARPOP_REQUEST
  arp.set(mac, 8);
  arp.set(address, 14);
  arp.set(address, 24);
  return frame(EVERYBODY, mac, ETHERTYPE_ARP, arp);
}

function neighbourAdvertisement(address: Buffer, mac: Buffer): Buffer {
  const advert = Buffer.alloc(32);
  advert[0] = ND_NEIGHBOR_ADVERT;
  advert.writeUInt32BE(NA_OVERRIDE, 4);
  advert.set(address, 8);
  advert.set([ND_OPT_TARGET_LINKADDR, 1], 24);
  advert.set(mac, 26);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(advert.length, 4);
  header.set([IPPROTO_ICMPV6, HOP_LIMIT], 6);
  header.set(address, 8);
  header.set(ALL_NODES, 24);
  advert.writeUInt16BE(icmp6Checksum(header, advert), 2);
  return frame(ALL_NODES_MAC, mac, ETHERTYPE_IPV6, Buffer.concat([header, advert]));
}

/** RFC 8200 §8.1: over a pseudo-header and the message, whose own checksum field is 0 meanwhile. */
function icmp6Checksum(header: Buffer, message: Buffer): number {
  let sum = message.length + IPPROTO_ICMPV6;
  for (let i = 8; i < 40; i += 2) sum += header.readUInt16BE(i);
  for (let i = 0; i < message.length; i += 2) sum += message.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function frame(to: Buffer, from: Buffer, type: number, payload: Buffer): Buffer {
  const ethertype = Buffer.alloc(2);
  ethertype.writeUInt16BE(type);
  return Buffer.concat([to, from, ethertype, payload]);
}
