/** What stands in options. A server is not to be trusted: what makes no sense is left out. */
import { formatV4, parseV4 } from '../../common/address-v4.ts';
import { formatCidr } from '../../common/cidr.ts';

/** A route that a server tells of. */
export interface LearnedRoute {
  /** CIDR */
  readonly destination: string;
  /** Plain address; left out for what is on the link itself. */
  readonly gateway?: string;
}

const NOTHING = new Uint8Array();
const LONGEST_NAME = 253;
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** A number of four bytes. */
export function readUint32(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? view(value).getUint32(0) : undefined;
}

/** A number of two bytes. */
export function readUint16(value: Uint8Array | undefined): number | undefined {
  return value?.length === 2 ? view(value).getUint16(0) : undefined;
}

/** Plain addresses, of machines only. */
export function readAddresses(value: Uint8Array | undefined): string[] {
  if (value === undefined || value.length % 4 !== 0) return [];
  const numbers = Array.from({ length: value.length / 4 }, (_, index) => view(value).getUint32(index * 4));
  return numbers.filter(isHost).map(formatV4);
}

/** Prefix length of a subnet mask; undefined for one with holes. */
export function readMask(value: Uint8Array | undefined): number | undefined {
  const mask = readUint32(value);
  if (mask === undefined) return undefined;
  const host = ~mask >>> 0;
  return (host & (host + 1)) === 0 ? Math.clz32(host) : undefined;
}

/** Names separated by spaces or zeros (option 15; some servers put several into it). */
export function readNames(value: Uint8Array | undefined): string[] {
  if (value === undefined) return [];
  return Buffer.from(value).toString('latin1').split(/[\s\0]+/).flatMap(asName);
}

/** Names as DNS writes them, with pointers back into the option (option 119, RFC 3397). */
export function readSearch(value: Uint8Array = NOTHING): string[] {
  const names: string[] = [];
  for (let at = 0; at < value.length; ) {
    const labels: string[] = [];
    let here = at;
    let end: number | undefined;
    for (let steps = 0; ; steps++) {
      const length = value[here];
      if (length === undefined || steps > LONGEST_NAME) return names;
      if (length === 0) break;
      if (length >= 0xc0) {
        end ??= here + 2;
        here = ((length & 0x3f) << 8) | (value[here + 1] ?? 0);
        continue;
      }
      if (here + length >= value.length) return names;
      labels.push(Buffer.from(value.subarray(here + 1, here + 1 + length)).toString('latin1'));
      here += 1 + length;
    }
    names.push(...asName(labels.join('.')));
    at = end ?? here + 1;
  }
  return names;
}

/** Classless static routes (option 121, RFC 3442). */
export function readRoutes(value: Uint8Array = NOTHING): LearnedRoute[] {
  const routes: LearnedRoute[] = [];
  for (let at = 0; at < value.length; ) {
    const prefix = value[at] ?? 0;
    const significant = Math.ceil(prefix / 8);
    const gatewayAt = at + 1 + significant;
    if (prefix > 32 || gatewayAt + 4 > value.length) return [];
    const destination = Buffer.alloc(4);
    destination.set(value.subarray(at + 1, gatewayAt));
    const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
    const gateway = view(value).getUint32(gatewayAt);
    const base = BigInt((destination.readUInt32BE() & mask) >>> 0);
    if (gateway === 0 || isHost(gateway)) {
      routes.push({ destination: formatCidr({ family: 4, base, prefix }), ...(gateway === 0 ? {} : { gateway: formatV4(gateway) }) });
    }
    at = gatewayAt + 4;
  }
  return routes;
}

/** Whether an address may be one machine's: not 0/8, 127/8, multicast or broadcast. */
export function isHostAddress(text: string): boolean {
  const value = parseV4(text);
  return value !== undefined && isHost(value);
}

function isHost(value: number): boolean {
  const first = value >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

function asName(text: string): string[] {
  const name = text.replace(/\.$/, '');
  return name !== '' && name.length <= LONGEST_NAME && name.split('.').every((label) => LABEL.test(label)) ? [name] : [];
}

function view(value: Uint8Array): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}
