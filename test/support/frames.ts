/** Frames as no socket would send them, for attackers. RFC 768, 791, 8200, 1071. */
import { isIPv6 } from 'node:net';
import { parseAddress } from '../../src/common/address.ts';

const UDP = 17;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const ETHER_TYPE = { 4: 0x0800, 6: 0x86dd } as const;

/** A UDP datagram, and how it travels. */
export interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly text: string | Buffer;
  /** `fragments`: in two, the second first. `options`: behind a destination options header (IPv6). */
  readonly as?: 'fragments' | 'options';
}

/**
 * The frames of a datagram, without the sender's MAC address.
 * @param tagged with a VLAN tag of priority only
 */
export function frames(datagram: Datagram, destination: string, source: string, tagged = false): Buffer[] {
  const six = isIPv6(datagram.to);
  const head = Buffer.concat([mac(destination), mac(source), ...(tagged ? [words(0x8100, 0)] : []), words(ETHER_TYPE[six ? 6 : 4])]);
  return (six ? packets6(datagram) : packets4(datagram)).map((packet) => Buffer.concat([head, packet]));
}

function packets4({ from, to, port, text, as }: Datagram): Buffer[] {
  const payload = udp(from, to, port, text);
  const packet = (part: Buffer, fragment: number): Buffer => {
    const header = Buffer.concat([words(0x4500, 20 + part.length, port ^ text.length, fragment, (64 << 8) | UDP, 0), address(from), address(to)]);
    header.writeUInt16BE(checksum(header), 10);
    return Buffer.concat([header, part]);
  };
  const MORE = 0x2000;
  return as === 'fragments' ? [packet(payload.subarray(16), 2), packet(payload.subarray(0, 16), MORE)] : [packet(payload, 0)];
}

function packets6({ from, to, port, text, as }: Datagram): Buffer[] {
  const payload = udp(from, to, port, text);
  const packet = (next: number, part: Buffer): Buffer => Buffer.concat([words(0x6000, 0, part.length, (next << 8) | 64), address(from), address(to), part]);
  const fragment = (part: Buffer, field: number): Buffer => packet(FRAGMENT, Buffer.concat([words(UDP << 8, field, port, text.length), part]));
  if (as === 'fragments') return [fragment(payload.subarray(16), 16), fragment(payload.subarray(0, 16), 1)];
  // PadN of four bytes
  if (as === 'options') return [packet(DESTINATION_OPTIONS, Buffer.concat([words(UDP << 8, 0x0104, 0, 0), payload]))];
  return [packet(UDP, payload)];
}

function udp(from: string, to: string, port: number, text: string | Buffer): Buffer {
  const data = typeof text === 'string' ? Buffer.from(text) : text;
  const length = 8 + data.length;
  const datagram = Buffer.concat([words(4000, port, length, 0), data]);
  const pseudo = Buffer.concat([address(from), address(to), words(0, UDP, 0, length)]);
  datagram.writeUInt16BE(checksum(Buffer.concat([pseudo, datagram])) || 0xffff, 6);
  return datagram;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

function address(text: string): Buffer {
  const { family, value } = parseAddress(text);
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
}

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
