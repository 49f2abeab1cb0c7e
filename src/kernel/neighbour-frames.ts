/** Ethernet frames by which neighbours find each other: ARP requests, and ICMPv6 as neighbour discovery sends it. */

/** linux/if_ether.h */
export const ETHERTYPE = { ARP: 0x0806, IPV6: 0x86dd } as const;
/** RFC 4861 §4.3, §4.4 */
export const NEIGHBOUR = { SOLICITATION: 135, ADVERTISEMENT: 136, SOURCE_LINK_ADDRESS: 1, TARGET_LINK_ADDRESS: 2 } as const;
/** linux/in6.h */
export const IPPROTO_ICMPV6 = 58;
/** RFC 4861 §7.1: anything less has crossed a router and is thrown away. */
export const HOP_LIMIT = 255;

const EVERYBODY = Buffer.from('ffffffffffff', 'hex');

/** An ARP request to everybody (RFC 826). @param sender 4 bytes; zeros for who has no address yet */
export function arpRequest(mac: Buffer, sender: Buffer, target: Buffer): Buffer {
  const arp = Buffer.alloc(28);
  arp.writeUInt16BE(1, 0); // ARPHRD_ETHER
  arp.writeUInt16BE(0x0800, 2);
  arp.set([6, 4], 4);
  arp.writeUInt16BE(1, 6); // ARPOP_REQUEST
  arp.set(mac, 8);
  arp.set(sender, 14);
  arp.set(target, 24);
  return frame(EVERYBODY, mac, ETHERTYPE.ARP, arp);
}

/** An ICMPv6 message to a multicast address. @param message its checksum is filled in; addresses have 16 bytes */
export function icmp6Frame(mac: Buffer, from: Buffer, to: Buffer, message: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(message.length, 4);
  header.set([IPPROTO_ICMPV6, HOP_LIMIT], 6);
  header.set(from, 8);
  header.set(to, 24);
  message.writeUInt16BE(icmp6Checksum(header, message), 2);
  return frame(multicastMac(to), mac, ETHERTYPE.IPV6, Buffer.concat([header, message]));
}

/** RFC 2464 §7 */
function multicastMac(address: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x33, 0x33]), address.subarray(12)]);
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
