import { formatV4, parseV4 } from '../../common/address-v4.ts';
import { formatMac, parseMac } from '../../common/mac.ts';
import { DHCP_OPTION } from './protocol.ts';

/** A DHCP message (RFC 2131 §2). */
export interface DhcpMessage {
  /** A client's (BOOTREQUEST) or a server's (BOOTREPLY). */
  readonly from: 'client' | 'server';
  /** Tells one exchange from another, 32 bits. */
  readonly transaction: number;
  /** Seconds since the client began. */
  readonly seconds: number;
  /** The answer is to be broadcast: its receiver has no address to send it to. */
  readonly broadcast: boolean;
  /** Plain address that the client has already (ciaddr); 0.0.0.0 for none, here and below. */
  readonly clientAddress: string;
  /** Plain address that the server gives it (yiaddr). */
  readonly yourAddress: string;
  /** Of the client (chaddr). */
  readonly mac: string;
  /** By number; one that was sent in pieces is whole here (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

const COOKIE = 0x63825363;
const HEADER = 240;
const SNAME = { at: 44, length: 64 } as const;
const FILE = { at: 108, length: 128 } as const;
/** BOOTP's: some relays drop less (RFC 1542 §2.1). */
const SHORTEST = 300;
const LONGEST_OPTION = 255;
const ETHERNET = { type: 1, length: 6 } as const;

/** Its bytes, as UDP carries them. */
export function encodeDhcp(message: DhcpMessage): Uint8Array {
  const options = [...message.options].flatMap(([code, value]) => pieces(code, value));
  const length = HEADER + options.reduce((sum, piece) => sum + piece.length, 0) + 1;
  const bytes = Buffer.alloc(Math.max(length, SHORTEST));
  bytes.set([message.from === 'client' ? 1 : 2, ETHERNET.type, ETHERNET.length], 0);
  bytes.writeUInt32BE(message.transaction, 4);
  bytes.writeUInt16BE(Math.min(message.seconds, 0xffff), 8);
  bytes.writeUInt16BE(message.broadcast ? 0x8000 : 0, 10);
  bytes.writeUInt32BE(parseV4(message.clientAddress) ?? 0, 12);
  bytes.writeUInt32BE(parseV4(message.yourAddress) ?? 0, 16);
  bytes.set(parseMac(message.mac), 28);
  bytes.writeUInt32BE(COOKIE, HEADER - 4);
  let at = HEADER;
  for (const piece of options) {
    bytes.set(piece, at);
    at += piece.length;
  }
  bytes[at] = DHCP_OPTION.END;
  return bytes;
}

/** The message in a datagram; undefined for anything that is none. Never throws, whatever it is given. */
export function decodeDhcp(datagram: Uint8Array): DhcpMessage | undefined {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (bytes.length < HEADER || bytes.readUInt32BE(HEADER - 4) !== COOKIE) return undefined;
  const [kind, type, length] = bytes;
  if ((kind !== 1 && kind !== 2) || type !== ETHERNET.type || length !== ETHERNET.length) return undefined;
  const options = new Map<number, Uint8Array>();
  if (!readOptions(bytes.subarray(HEADER), options)) return undefined;
  const overload = options.get(DHCP_OPTION.OVERLOAD)?.[0] ?? 0;
  for (const [bit, { at, length: size }] of [[1, FILE], [2, SNAME]] as const) {
    if ((overload & bit) !== 0 && !readOptions(bytes.subarray(at, at + size), options)) return undefined;
  }
  return {
    from: kind === 1 ? 'client' : 'server',
    transaction: bytes.readUInt32BE(4),
    seconds: bytes.readUInt16BE(8),
    broadcast: (bytes.readUInt16BE(10) & 0x8000) !== 0,
    clientAddress: formatV4(bytes.readUInt32BE(12)),
    yourAddress: formatV4(bytes.readUInt32BE(16)),
    mac: formatMac(bytes.subarray(28, 34)),
    options,
  };
}

function pieces(code: number, value: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = [];
  let at = 0;
  do {
    const piece = value.subarray(at, at + LONGEST_OPTION);
    list.push(Uint8Array.from([code, piece.length, ...piece]));
    at += LONGEST_OPTION;
  } while (at < value.length);
  return list;
}

/** false for options that reach beyond their field. */
function readOptions(field: Buffer, options: Map<number, Uint8Array>): boolean {
  for (let at = 0; at < field.length; ) {
    const code = field[at] ?? DHCP_OPTION.END;
    if (code === DHCP_OPTION.END) return true;
    at += 1;
    if (code === DHCP_OPTION.PAD) continue;
    const length = field[at];
    if (length === undefined || at + 1 + length > field.length) return false;
    const piece = field.subarray(at + 1, at + 1 + length);
    const before = options.get(code);
    options.set(code, before === undefined ? Uint8Array.from(piece) : Uint8Array.from([...before, ...piece]));
    at += 1 + length;
  }
  return true;
}
