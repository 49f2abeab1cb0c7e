/** Questions to a directory of names, and its answers as dns-packet and dns2 read them. */
import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import type { Answer, DecodedPacket, OptAnswer, RecordType } from 'dns-packet';
import DNS from 'dns2';
import { Directory } from '../../src/dns/directory.ts';
import type { Verdict } from '../../src/dns/directory.ts';
import type { Asker, NamedEndpoint, NamedNetwork } from '../../src/dns/names.ts';

export function endpoint(id: string, names: readonly string[], addresses: readonly string[], rest: Partial<NamedEndpoint> = {}): NamedEndpoint {
  return { id, asker: undefined, names, addresses, services: [], ...rest };
}

export function network(id: string, endpoints: readonly NamedEndpoint[], rest: Partial<NamedNetwork> = {}): NamedNetwork {
  return { id, name: id, subnets: [], hostAddresses: [], endpoints, ...rest };
}

export function asker(networks: readonly string[], rest: Partial<Asker> = {}): Asker {
  return { id: 'me', networks, aliases: [], extraHosts: [], servers: [], namespace: '/run/netns/me', mayUseHostServers: true, search: [], ndots: undefined, ...rest };
}

export const WEB: NamedEndpoint = endpoint('e-web', ['web', 'web-host', '0123456789ab', 'www'], ['10.1.0.2', 'fd00:1::2'], { asker: 's-web' });
export const DB: NamedEndpoint = endpoint('e-db', ['db', 'store'], ['10.1.0.3']);

/** A directory with `web` and `db` on `front`, and somebody on it who asks. */
export function directoryOf(rest: Partial<Asker> = {}, ...more: readonly NamedEndpoint[]): Directory {
  const directory = new Directory();
  directory.setNetwork(network('front', [WEB, DB, ...more], { subnets: ['10.1.0.0/24', 'fd00:1::/64'], hostAddresses: ['10.1.0.1', 'fd00:1::1'] }));
  directory.setAsker(asker(['front'], rest));
  return directory;
}

export interface Extras {
  readonly id?: number;
  /** As dns-packet has them; default RD. */
  readonly flags?: number;
  readonly class?: 'IN' | 'CH' | 'ANY';
  /** With an OPT record of this size. */
  readonly udpSize?: number;
  readonly dnssecOk?: boolean;
  readonly version?: number;
}

/** dns-packet knows more types than its declarations. */
export type Type = RecordType | 'ANY' | 'UNKNOWN_65' | 'UNKNOWN_97' | 'AXFR';

/** A query, encoded by dns-packet. */
export function question(name: string, type: Type, extras: Extras = {}): Uint8Array {
  const opt: OptAnswer = {
    name: '.',
    type: 'OPT',
    udpPayloadSize: extras.udpSize ?? 0,
    extendedRcode: 0,
    ednsVersion: extras.version ?? 0,
    flags: extras.dnssecOk === true ? 0x8000 : 0,
    flag_do: extras.dnssecOk === true,
    options: [],
  };
  const bytes = encode({
    type: 'query',
    id: extras.id ?? 4711,
    flags: extras.flags ?? 0x0100,
    questions: [{ name, type: type as RecordType, class: extras.class ?? 'IN' }],
    additionals: extras.udpSize === undefined ? [] : [opt],
  });
  // A Buffer's slice would be the same bytes.
  return Uint8Array.from(bytes);
}

/** Room behind an answer, to see that nothing is written there. */
const BEHIND = 64;

/** What a directory does with bytes: its answer's bytes, `forward` or `drop`. They stand in the middle of a larger buffer, as packets received in batches do. */
export function put(directory: Directory, query: Uint8Array, limit = 512, from = 'me'): Uint8Array | Exclude<Verdict, number> {
  const around = new Uint8Array(query.length + 40).fill(0xee);
  around.set(query, 17);
  const out = new Uint8Array(Math.max(limit, 1232) + BEHIND).fill(0xdd);
  const verdict = directory.answer(from, around, 17, 17 + query.length, out, limit);
  if (typeof verdict !== 'number') return verdict;
  assert.ok(verdict <= out.length - BEHIND && out.subarray(verdict, verdict + BEHIND).every((byte) => byte === 0xdd), 'writes behind its answer');
  return out.slice(0, verdict);
}

/** An answer, which both codecs must read in full. */
export function read(bytes: Uint8Array | Exclude<Verdict, number>): DecodedPacket {
  assert.ok(typeof bytes !== 'string', `answered, not: ${String(bytes)}`);
  const buffer = Buffer.from(bytes);
  const other = DNS.Packet.parse(buffer);
  assert.deepEqual(other.errors, []);
  const packet = decode(buffer);
  assert.equal(decode.bytes, bytes.length, 'bytes behind the message');
  assert.deepEqual(
    [other.questions, other.answers, other.authorities, other.additionals].map((section) => section.length),
    [packet.questions, packet.answers, packet.authorities, packet.additionals].map((section) => section?.length ?? 0),
  );
  return packet;
}

/** The answer to a question. */
export function ask(directory: Directory, name: string, type: Type, extras: Extras & { readonly limit?: number; readonly from?: string } = {}): DecodedPacket {
  return read(put(directory, question(name, type, extras), extras.limit, extras.from));
}

/** An answer in short: its code, and what its records say, sorted. */
export function short(packet: DecodedPacket): readonly string[] {
  const data = (packet.answers ?? []).map((answer) => dataText(answer)).toSorted();
  return [(packet as unknown as { rcode: string }).rcode, ...data];
}

function dataText(answer: Answer): string {
  if (answer.type === 'SRV') return `${answer.data.port} ${answer.data.target}`;
  return 'data' in answer ? String(answer.data) : answer.type;
}

/** {@link ask} and {@link short}; `forward` and `drop` as they are. */
export function look(directory: Directory, name: string, type: Type, extras: Extras = {}): readonly string[] | string {
  const bytes = put(directory, question(name, type, extras));
  return typeof bytes === 'string' ? bytes : short(read(bytes));
}
