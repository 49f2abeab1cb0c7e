import { formatAddress } from '../../common/address.ts';
import type { DhcpLease } from './lease.ts';
import { decodeOptions, encodeOptions, type Dhcp6Message } from './message-v6.ts';
import { readSearch } from './option-values.ts';
import { DHCP6_OPTION } from './protocol-v6.ts';

/** What a server gives, or says that it does not give any more. */
export type Grant = { readonly lease: DhcpLease } | 'nothing';

const ADDRESS_LENGTH = 16;
const IA_HEADER = 12;
/** RFC 8415 §21.4, as parts of the preferred lifetime, where the server leaves it to the client. */
const PART = { renew: 0.5, rebind: 0.8 } as const;
/** A server that lends for less would be asked without end, s. */
const SHORTEST = 1;

/**
 * What a message gives to an identity association.
 * @param since when it came, ms since 1970: its times count from there
 * @returns `nothing` where it says so, undefined where it says nothing about it
 */
export function grantOf({ options }: Dhcp6Message, iaid: Uint8Array, since: number): Grant | undefined {
  const given = options.get(DHCP6_OPTION.IA_NA);
  const server = options.get(DHCP6_OPTION.SERVER_ID);
  if (given === undefined || given.length < IA_HEADER || server === undefined || Buffer.compare(given.subarray(0, 4), iaid) !== 0) return undefined;
  const inside = decodeOptions(given.subarray(IA_HEADER));
  const found = inside?.get(DHCP6_OPTION.ADDRESS);
  if (isRefused(options.get(DHCP6_OPTION.STATUS)) || isRefused(inside?.get(DHCP6_OPTION.STATUS)) || found === undefined || found.length < ADDRESS_LENGTH + 8) return 'nothing';
  const [preferred, valid] = [uint32(found, ADDRESS_LENGTH), uint32(found, ADDRESS_LENGTH + 4)];
  const address = formatAddress({ family: 6, value: BigInt(`0x${Buffer.from(found.subarray(0, ADDRESS_LENGTH)).toString('hex')}`) });
  if (valid === 0 || preferred > valid || !isMachines(address)) return 'nothing';
  const seconds = Math.max(valid, SHORTEST);
  const rebind = within(uint32(given, 8), seconds) ?? Math.max(preferred * PART.rebind, seconds * PART.renew);
  const renew = within(uint32(given, 4), rebind) ?? Math.min(Math.max(preferred * PART.renew, SHORTEST / 2), rebind);
  return {
    lease: {
      // A router says what else is on the link.
      address: `${address}/128`,
      server: Buffer.from(server).toString('hex'),
      serverMac: '',
      renew: since + renew * 1000,
      rebind: since + rebind * 1000,
      expires: since + seconds * 1000,
      routes: [],
      dns: addresses(options.get(DHCP6_OPTION.DNS)),
      search: readSearch(options.get(DHCP6_OPTION.SEARCH)),
    },
  };
}

/** Option IA_NA, with the address that is meant. */
export function association(iaid: Uint8Array, address?: string): Uint8Array {
  const header = Buffer.alloc(IA_HEADER);
  header.set(iaid.subarray(0, 4));
  if (address === undefined) return header;
  const value = Buffer.alloc(ADDRESS_LENGTH + 8);
  value.set(Buffer.from(address, 'hex'));
  return Buffer.concat([header, encodeOptions(new Map([[DHCP6_OPTION.ADDRESS, value]]))]);
}

/** Of one machine, and good beyond its link: global or unique local (RFC 4291 §2.4, RFC 4193). */
function isMachines(address: string): boolean {
  return /^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}):/.test(address);
}

/** RFC 8415 §21.13: 0 is success. */
function isRefused(status: Uint8Array | undefined): boolean {
  return status !== undefined && ((status[0] ?? 0) !== 0 || (status[1] ?? 0) !== 0);
}

function addresses(value: Uint8Array | undefined): string[] {
  if (value === undefined || value.length % ADDRESS_LENGTH !== 0) return [];
  return Array.from({ length: value.length / ADDRESS_LENGTH }, (_, index) =>
    formatAddress({ family: 6, value: BigInt(`0x${Buffer.from(value.subarray(index * ADDRESS_LENGTH, (index + 1) * ADDRESS_LENGTH)).toString('hex')}`) }),
  ).filter(isMachines);
}

function within(seconds: number, most: number): number | undefined {
  return seconds > 0 && seconds <= most ? seconds : undefined;
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
