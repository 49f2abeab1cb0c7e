/** A question and its answer in words, for people who ask by hand. dns2 encodes and decodes. */
import DNS from 'dns2';
import { canonicalAddress, tryParseAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { encodeName } from './name.ts';
import { CLASS_IN, UDP_SIZE } from './protocol.ts';
import { reverseName } from './reverse-name.ts';

/** A record in words. */
export interface DnsRecord {
  readonly name: string;
  /** `A`, `TYPE65280` */
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  /** What it says, as zone files have it; hexadecimal behind `\#` (RFC 3597) for a type that nobody here can read. */
  readonly data: string;
}

/** An answer in words. */
export interface DnsReply {
  readonly id: number;
  /** `NOERROR`, `NXDOMAIN` */
  readonly rcode: string;
  /** Of `aa`, `tc`, `rd`, `ra`, those that are set. */
  readonly flags: readonly string[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** Types that dns2 has no name for. */
const MORE_TYPES: Readonly<Record<string, number>> = { NAPTR: 35, DS: 43, SVCB: 64, HTTPS: 65 };
const TYPES: Readonly<Record<string, number>> = { ...DNS.Packet.TYPE, ...MORE_TYPES };
const TYPE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TYPES).map(([name, type]) => [type, name]));
/** 16 has two names; without signatures it is the first, BADVERS. */
const RCODE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(DNS.Packet.RCODE).toReversed().map(([name, code]) => [code, name]));

/**
 * A question as a message with RD and EDNS.
 *
 * @param name a name, or an address, which is asked for its name
 * @param type `a`, `SRV`, `TYPE64`; default A, for an address PTR
 * @throws {NetworkError} INVALID
 */
export function encodeQuestion(id: number, name: string, type?: string): Uint8Array {
  const address = tryParseAddress(name);
  const asked = address === undefined ? name.replace(/\.$/, '') : reverseName(address);
  if (name !== '.' && encodeName(asked) === undefined) {
    throw new NetworkError('INVALID', `${quote(name)} cannot be asked for: use labels of 1 to 63 printable characters, joined by dots, 253 in all`);
  }
  const packet = new DNS.Packet();
  packet.header.id = id;
  packet.header.rd = 1;
  packet.questions.push(new DNS.Packet.Question(asked, typeNumber(type ?? (address === undefined ? 'A' : 'PTR')), CLASS_IN));
  packet.additionals.push(DNS.Packet.Resource.EDNS([], { udpPayloadSize: UDP_SIZE.EDNS }));
  return packet.toBuffer();
}

/** A message in words. @throws {NetworkError} UNAVAILABLE when it cannot be read */
export function decodeReply(message: Uint8Array): DnsReply {
  let packet: InstanceType<typeof DNS.Packet>;
  try {
    packet = DNS.Packet.parse(Buffer.from(message));
  } catch (cause) {
    throw new NetworkError('UNAVAILABLE', `the answer of ${message.length} bytes cannot be read; the server that gave it is broken`, { cause });
  }
  const [problem] = packet.errors;
  if (problem !== undefined) throw new NetworkError('UNAVAILABLE', `the answer cannot be read: ${problem.message}`, { cause: problem });
  const { header } = packet;
  const opt = packet.additionals.find(({ type }) => type === DNS.Packet.TYPE.EDNS);
  const rcode = ((opt?.extendedRcode ?? 0) << 4) | header.rcode;
  const words = (records: readonly DNS.Packet.Resource[]): DnsRecord[] => records.filter((record) => record !== opt).map(inWords);
  return {
    id: header.id,
    rcode: RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`,
    flags: (['aa', 'tc', 'rd', 'ra'] as const).filter((flag) => header[flag] === 1),
    answers: words(packet.answers),
    authorities: words(packet.authorities),
    additionals: words(packet.additionals),
  };
}

function typeNumber(text: string): number {
  const type = TYPES[text.toUpperCase()] ?? Number(/^TYPE(\d{1,5})$/i.exec(text)?.[1] ?? NaN);
  if (type > 0 && type <= 0xffff) return type;
  throw new NetworkError('INVALID', `record type ${quote(text)} is not known: use A, AAAA, PTR, SRV, MX, TXT, … or TYPE and its number`);
}

function inWords(record: DNS.Packet.Resource): DnsRecord {
  return { name: record.name, type: TYPE_NAMES.get(record.type) ?? `TYPE${record.type}`, ttl: record.ttl, data: dataInWords(record) };
}

function dataInWords(record: DNS.Packet.Resource): string {
  const { data } = record;
  if (record.address !== undefined) return canonicalAddress(record.address);
  if (Array.isArray(data)) return data.map((text) => JSON.stringify(text)).join(' ');
  if (typeof data === 'object') return `\\# ${data.length} ${data.toString('hex')}`;
  const fields = FIELDS.map((field) => record[field]).filter((value) => value !== undefined);
  return fields.join(' ');
}

/** In the order of zone files (RFC 1035 §3.3, 2782, 4034, 8659). */
const FIELDS = [
  'priority', 'weight', 'port', 'target', 'exchange', 'domain', 'ns', 'primary', 'admin', 'serial', 'refresh', 'retry',
  'expiration', 'minimum', 'flags', 'protocol', 'algorithm', 'tag', 'value', 'key', 'data',
] as const;
