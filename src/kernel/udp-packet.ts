/** UDP datagrams with their IP headers, for links that have no address to send from. Pure. */
import { FILTER, filterProgram, type FilterStep } from './socket-filter.ts';
import { addressText, SOCKET } from './sys.ts';
import { parseAddress } from './netlink/parse.ts';

/** Where a datagram comes from and goes to. */
export interface UdpEnds {
  /** Plain addresses of one family. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
}

const UDP = 17;
const HEADER = { udp: 8, 4: 20, 6: 40 } as const;
/** DHCP does not leave the link, but its renewals may (RFC 2131 §4.1); IPv4's usual. */
const TIME_TO_LIVE = 64;
const DONT_FRAGMENT = 0x4000;
const FRAGMENT = 0x3fff;

/**
 * IP header, UDP header and payload.
 * @throws {NetworkError} INVALID for an address that is none
 */
export function udpPacket({ from, to, fromPort, toPort }: UdpEnds, payload: Uint8Array): Buffer {
  const source = parseAddress(from).bytes;
  const target = parseAddress(to).bytes;
  const udp = Buffer.alloc(HEADER.udp + payload.length);
  udp.writeUInt16BE(fromPort, 0);
  udp.writeUInt16BE(toPort, 2);
  udp.writeUInt16BE(udp.length, 4);
  udp.set(payload, HEADER.udp);
  // 0 means that there is none (RFC 768).
  udp.writeUInt16BE(checksum(udp, [source, target, Buffer.of(0, UDP), udp.subarray(4, 6)]) || 0xffff, 6);
  return Buffer.concat([source.length === 4 ? headerV4(source, target, udp.length) : headerV6(source, target, udp.length), udp]);
}

/**
 * What is in an IP packet; undefined for anything but a whole UDP datagram. Checksums are not looked
 * at: what comes from the same machine has none yet (a network card makes them).
 */
export function readUdpPacket(packet: Buffer): (UdpEnds & { readonly payload: Buffer }) | undefined {
  const version = (packet[0] ?? 0) >> 4;
  const length = version === 4 ? ((packet[0] ?? 0) & 0xf) * 4 : HEADER[6];
  if ((version !== 4 && version !== 6) || length < HEADER[4] || packet.length < length + HEADER.udp) return undefined;
  if (version === 4 ? packet[9] !== UDP || (packet.readUInt16BE(6) & FRAGMENT) !== 0 : packet[6] !== UDP) return undefined;
  const udp = packet.subarray(length);
  const size = udp.readUInt16BE(4);
  if (size < HEADER.udp || size > udp.length) return undefined;
  const addresses = version === 4 ? ([12, 16, 20] as const) : ([8, 24, 40] as const);
  return {
    from: addressText(packet.subarray(addresses[0], addresses[1])),
    to: addressText(packet.subarray(addresses[1], addresses[2])),
    fromPort: udp.readUInt16BE(0),
    toPort: udp.readUInt16BE(2),
    payload: udp.subarray(HEADER.udp, size),
  };
}

/**
 * A program for the kernel's socket filter: only UDP to this port, seen from the IP header on.
 * @param family AF_INET or AF_INET6
 */
export function udpFilter(family: number, port: number): Buffer {
  const { LOAD_BYTE, LOAD_HALF, LOAD_HALF_BEHIND, LOAD_HEADER_LENGTH, EQUAL, ANY_BIT, RETURN, ALL } = FILTER;
  const program: readonly FilterStep[] =
    family === SOCKET.AF_INET
      ? [[LOAD_BYTE, 0, 0, 9], [EQUAL, 0, 6, UDP], [LOAD_HALF, 0, 0, 6], [ANY_BIT, 4, 0, FRAGMENT & 0x1fff], [LOAD_HEADER_LENGTH, 0, 0, 0], [LOAD_HALF_BEHIND, 0, 0, 2], [EQUAL, 0, 1, port], [RETURN, 0, 0, ALL], [RETURN, 0, 0, 0]]
      : [[LOAD_BYTE, 0, 0, 6], [EQUAL, 0, 3, UDP], [LOAD_HALF, 0, 0, HEADER[6] + 2], [EQUAL, 0, 1, port], [RETURN, 0, 0, ALL], [RETURN, 0, 0, 0]];
  return filterProgram(program);
}

function headerV4(source: Buffer, target: Buffer, length: number): Buffer {
  const header = Buffer.alloc(HEADER[4]);
  header[0] = 0x45;
  header.writeUInt16BE(HEADER[4] + length, 2);
  header.writeUInt16BE(DONT_FRAGMENT, 6);
  header.set([TIME_TO_LIVE, UDP], 8);
  header.set(source, 12);
  header.set(target, 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

function headerV6(source: Buffer, target: Buffer, length: number): Buffer {
  const header = Buffer.alloc(HEADER[6]);
  header[0] = 0x60;
  header.writeUInt16BE(length, 4);
  header.set([UDP, TIME_TO_LIVE], 6);
  header.set(source, 8);
  header.set(target, 24);
  return header;
}

/** RFC 1071, with a pseudo-header before the bytes. */
function checksum(bytes: Buffer, pseudo: readonly Buffer[] = []): number {
  let sum = 0;
  for (const part of [...pseudo, bytes]) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
