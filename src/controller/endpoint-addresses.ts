/** Addresses of a sandbox's endpoints: from pools of ours, or asked of somebody else. */
import { canonicalAddress, familyOf, formatAddress, parseAddress, type Family } from '../common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Context } from './context.ts';
import type { LiveNetwork } from './ledger.ts';
import type { DhcpRecord, EndpointRecord, NetworkRecord, SubnetRecord } from './records.ts';
import type { ConnectRequest } from './requests.ts';

/**
 * Takes the addresses of a new endpoint, or says what somebody else is to be asked for.
 * @param owner who will have them, for messages
 * @throws {NetworkError} INVALID, EXISTS, EXHAUSTED, FORBIDDEN (another host's); nothing is taken then
 */
export function claimAddresses(context: Context, { record }: LiveNetwork, request: ConnectRequest, owner: string): Pick<EndpointRecord, 'ipv4' | 'ipv6' | 'dhcp' | 'grant'> {
  if (record.dhcp !== undefined) return { dhcp: wishOf(request, record) };
  if (record.ipam === undefined) return takeAddresses(context, record, request, owner);
  const { ipv4, ipv6 } = request;
  return { grant: { ...(ipv4 === undefined ? {} : { ipv4: inside(record, 4, ipv4) }), ...(ipv6 === undefined ? {} : { ipv6: inside(record, 6, ipv6) }) } };
}

/** Gives the addresses of an endpoint back; nothing to do for those that others gave. */
export function freeAddresses(context: Context, endpoint: EndpointRecord): void {
  if (!hasOurAddresses(endpoint)) return;
  for (const text of [endpoint.ipv4, endpoint.ipv6]) release(context, text);
}

/** Takes an endpoint's addresses again after a restart. */
export function restoreAddresses(context: Context, endpoint: EndpointRecord): void {
  if (!hasOurAddresses(endpoint)) return;
  for (const text of [endpoint.ipv4, endpoint.ipv6]) {
    if (text === undefined) continue;
    const { address } = parseInterfaceAddress(text);
    const pool = context.addresses.poolOf(address);
    if (pool?.ownerOf(address) === undefined) pool?.requestAddress({ address, owner: endpoint.name });
  }
}

/** Those that the LAN or a Docker plugin gave may be the same as some of ours. */
function hasOurAddresses({ dhcp, grant }: EndpointRecord): boolean {
  return dhcp === undefined && grant === undefined;
}

/** The address that a server is to be asked for. @throws {NetworkError} INVALID for one that it cannot be asked for */
function wishOf({ ipv4, ipv6 }: ConnectRequest, { name, dhcp = [] }: NetworkRecord): DhcpRecord {
  if (ipv6 !== undefined) throw new NetworkError('INVALID', `address ${quote(ipv6)} cannot be asked for: routers and DHCPv6 servers of network ${quote(name)} give what they like`);
  if (ipv4 === undefined) return {};
  const wanted = canonicalAddress(ipv4);
  if (familyOf(wanted) !== 4 || !dhcp.includes(4)) throw new NetworkError('INVALID', `address ${quote(ipv4)} cannot be asked for: network ${quote(name)} gives ${dhcp.map((family) => `IPv${family}`).join(' and ')} addresses`);
  return { wanted };
}

function takeAddresses(context: Context, record: NetworkRecord, request: ConnectRequest, owner: string): { ipv4?: string; ipv6?: string } {
  const ipv4 = takeAddress(context, 4, record, request.ipv4, owner);
  try {
    const ipv6 = takeAddress(context, 6, record, request.ipv6, owner);
    return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
  } catch (error) {
    release(context, ipv4);
    throw error;
  }
}

function takeAddress({ addresses, cluster }: Context, family: Family, record: NetworkRecord, wanted: string | undefined, owner: string): string | undefined {
  if (wanted === undefined) {
    const pools = subnetsOf(record, family).flatMap(({ subnet }) => addresses.pool(parseCidr(subnet)) ?? []);
    // The next subnet when one is full, as in Docker.
    const pool = pools.find(({ counts }) => counts.automatic > 0n) ?? pools[0];
    return pool?.withPrefix(pool.requestAddress({ owner }));
  }
  const text = inside(record, family, wanted);
  if (record.cluster !== undefined) cluster.requireOurs(record.id, text);
  const address = parseAddress(text);
  const pool = addresses.poolOf(address);
  if (pool === undefined) throw new NetworkError('INTERNAL', `network ${quote(record.name)} has no pool for ${text}`);
  return pool.withPrefix(pool.requestAddress({ address, owner }));
}

/** Canonical text of a plain address that is in a subnet of the family. @throws {NetworkError} INVALID */
function inside(record: NetworkRecord, family: Family, wanted: string): string {
  const address = parseAddress(wanted);
  const subnets = subnetsOf(record, family).map(({ subnet }) => subnet);
  if (subnets.some((subnet) => contains(parseCidr(subnet), address))) return formatAddress(address);
  throw new NetworkError('INVALID', `address ${quote(wanted)} is in no IPv${family} subnet of network ${quote(record.name)} (it has ${subnets.join(', ') || `no IPv${family} subnet`})`);
}

function subnetsOf({ ipv4, ipv6 }: NetworkRecord, family: Family): readonly SubnetRecord[] {
  return family === 4 ? ipv4 : ipv6;
}

function release({ addresses }: Context, text: string | undefined): void {
  if (text === undefined) return;
  const { address } = parseInterfaceAddress(text);
  addresses.poolOf(address)?.releaseAddress(address);
}
