import { parseV4 } from '../../common/address-v4.ts';
import type { DhcpMessage } from './message.ts';
import { isHostAddress, readAddresses, readMask, readNames, readRoutes, readSearch, readUint16, readUint32, type LearnedRoute } from './option-values.ts';
import { DHCP_OPTION } from './protocol.ts';

/** An address on loan, with what its server said about the network. Plain JSON. Times are ms since 1970. */
export interface DhcpLease {
  /** CIDR */
  readonly address: string;
  /** Plain address of the server. */
  readonly server: string;
  /** From which it, or the relay before it, answered. */
  readonly serverMac: string;
  /** When it is to be renewed at its server (T1), and at any server (T2). */
  readonly renew: number;
  readonly rebind: number;
  readonly expires: number;
  /** Default routes are among them. */
  readonly routes: readonly LearnedRoute[];
  /** Bytes. */
  readonly mtu?: number;
  /** Plain addresses. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
}

/** A server that lends for less would be asked without end. */
const SHORTEST = 1;
/** RFC 2131 §4.4.5 */
const PART = { renew: 0.5, rebind: 0.875 } as const;
/** RFC 2132 §5.1 allows 68; below this IPv4 itself does not work well (RFC 791). */
const LEAST_MTU = 576;

/**
 * What a DHCPACK lends.
 * @param since when it was asked for, ms since 1970: the time runs from there
 * @param serverMac from which it came
 * @returns undefined when it lacks server or time, or an address that can be somebody's
 */
export function leaseOf(ack: DhcpMessage, since: number, serverMac: string): DhcpLease | undefined {
  const { options, yourAddress } = ack;
  const [server] = readAddresses(options.get(DHCP_OPTION.SERVER));
  const told = readUint32(options.get(DHCP_OPTION.LEASE_TIME));
  const length = maskOf(options) ?? classOf(yourAddress);
  if (server === undefined || told === undefined || !isHostAddress(yourAddress) || isNobodys(yourAddress, length)) return undefined;
  const seconds = Math.max(told, SHORTEST);
  const rebind = within(readUint32(options.get(DHCP_OPTION.REBIND)), seconds) ?? seconds * PART.rebind;
  const renew = within(readUint32(options.get(DHCP_OPTION.RENEW)), rebind) ?? Math.min(seconds * PART.renew, rebind);
  const mtu = readUint16(options.get(DHCP_OPTION.MTU));
  const search = readSearch(options.get(DHCP_OPTION.SEARCH));
  return {
    address: `${yourAddress}/${length}`,
    server,
    serverMac,
    renew: since + renew * 1000,
    rebind: since + rebind * 1000,
    expires: since + seconds * 1000,
    routes: routesOf(options),
    ...(mtu === undefined || mtu < LEAST_MTU ? {} : { mtu }),
    dns: readAddresses(options.get(DHCP_OPTION.DNS)),
    search: search.length > 0 ? search : readNames(options.get(DHCP_OPTION.DOMAIN)),
  };
}

/** RFC 3442: where classless routes are told, the router option is not looked at. */
function routesOf(options: DhcpMessage['options']): LearnedRoute[] {
  const routes = readRoutes(options.get(DHCP_OPTION.ROUTES));
  const [gateway] = readAddresses(options.get(DHCP_OPTION.ROUTER));
  if (routes.length > 0 || gateway === undefined) return routes;
  return [{ destination: '0.0.0.0/0', gateway }];
}

function within(seconds: number | undefined, most: number): number | undefined {
  return seconds !== undefined && seconds > 0 && seconds <= most ? seconds : undefined;
}

/** A mask of nothing would make the whole world neighbours. */
function maskOf(options: DhcpMessage['options']): number | undefined {
  const length = readMask(options.get(DHCP_OPTION.MASK));
  return length === 0 ? undefined : length;
}

/** Network and broadcast address; links of two have neither (RFC 3021). */
function isNobodys(address: string, length: number): boolean {
  if (length > 30) return false;
  const last = 2 ** (32 - length) - 1;
  const own = ((parseV4(address) ?? 0) & last) >>> 0;
  return own === 0 || own === last;
}

/** Prefix length from before there were masks. */
function classOf(address: string): number {
  const first = (parseV4(address) ?? 0) >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}
