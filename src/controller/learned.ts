/** What the LAN's own servers said: what it means for an endpoint, and for the names of its sandbox. Pure. */
import type { Learned } from '../../drivers/driver.ts';
import { parseAddress, withoutLength, type Family } from '../common/address.ts';
import { contains, containsCidr, parseCidr, parseInterfaceAddress, sameCidr } from '../common/cidr.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { RouteState } from '../kernel/link-state.ts';
import type { Ledger } from './ledger.ts';
import { GATEWAY_OWNER, type EndpointRecord } from './records.ts';

const DEFAULT_ROUTE = '0.0.0.0/0';

/** Whether the server named a way out. */
export function leaseLeadsOut({ dhcp }: Pick<EndpointRecord, 'dhcp'>): boolean {
  return dhcp?.lease?.routes.some(({ destination }) => destination === DEFAULT_ROUTE) === true;
}

/**
 * Routes and MTU for the endpoint's interface.
 * @param gatewayFor families whose default route goes through it
 */
export function learnedOf({ dhcp }: Pick<EndpointRecord, 'dhcp'>, gatewayFor: readonly Family[]): Learned | undefined {
  if (dhcp === undefined) return undefined;
  const { lease } = dhcp;
  if (lease === undefined) return { routes: [] };
  const { network } = parseInterfaceAddress(lease.address);
  // What is on the link itself the kernel knows; a route of the same destination would take the place of its own.
  const others = lease.routes.filter(({ destination }) => !sameCidr(parseCidr(destination), network));
  const routes = others.filter(({ destination }) => destination !== DEFAULT_ROUTE || gatewayFor.includes(4));
  return { routes: routes.flatMap((route) => withWay(route, lease)), ...(lease.mtu === undefined ? {} : { mtu: lease.mtu }) };
}

/**
 * Routes and MTU for the endpoint of an engine whose address was lent before it was made.
 * @param gatewayFor as above
 */
export function learnedBefore(ledger: Ledger, endpoint: EndpointRecord, gatewayFor: readonly Family[]): Learned | undefined {
  const lease = leaseBefore(ledger, endpoint);
  if (lease === undefined) return undefined;
  const gateway = givenGateway(ledger, endpoint);
  if (gateway === undefined) return learnedOf({ dhcp: { lease } }, gatewayFor);
  const others = learnedOf({ dhcp: { lease } }, []);
  return { ...others, routes: [...(others?.routes ?? []), ...(gatewayFor.includes(4) ? [{ destination: DEFAULT_ROUTE, gateway }] : [])] };
}

/** Without the routes by which the server of one LAN would lead away what is for another network that the sandbox is in. */
export function withinOwnLan(learned: Learned | undefined, ledger: Ledger, { id, sandboxId, ipv4 }: EndpointRecord): Learned | undefined {
  if (learned === undefined || sandboxId === undefined || ipv4 === undefined || learned.routes.length === 0) return learned;
  const own = parseInterfaceAddress(ipv4).network;
  const networks = ledger.endpointsOfSandbox(sandboxId).flatMap((other) => (other.id === id || other.ipv4 === undefined ? [] : [parseInterfaceAddress(other.ipv4).network]));
  const others = networks.filter((network) => !sameCidr(network, own));
  const astray = new Set(learned.routes.flatMap(({ destination }) => (others.some((network) => containsCidr(network, parseCidr(destination))) ? [destination] : [])));
  return { ...learned, routes: learned.routes.filter(({ destination, gateway = '' }) => !astray.has(destination) && !astray.has(`${gateway}/32`)) };
}

/** Whether such an endpoint has a way out. */
export function leadsOutBefore(ledger: Ledger, endpoint: EndpointRecord): boolean {
  const lease = leaseBefore(ledger, endpoint);
  if (lease === undefined || ledger.network(endpoint.networkId).record.internal) return false;
  return givenGateway(ledger, endpoint) !== undefined || leaseLeadsOut({ dhcp: { lease } });
}

function leaseBefore({ leased, networks }: Ledger, { networkId, ipv4, sandboxId }: EndpointRecord): DhcpLease | undefined {
  if (sandboxId !== undefined || ipv4 === undefined || leased.size === 0) return undefined;
  const pools = new Set(networks.get(networkId)?.record.ipv4.map(({ poolId }) => poolId));
  return [...leased.values()].find(({ poolId, address }) => pools.has(poolId) && address === withoutLength(ipv4))?.lease;
}

/** A gateway that the network's user named, whatever the server says. */
function givenGateway({ networks, pools }: Ledger, { networkId }: EndpointRecord): string | undefined {
  const subnets = networks.get(networkId)?.record.ipv4 ?? [];
  return subnets.flatMap(({ poolId = '', gateway = '' }) => (pools.get(poolId)?.addresses[gateway] === GATEWAY_OWNER ? [gateway] : []))[0];
}

/** Name servers and search domains that the servers of a sandbox's networks told of, the way out's first. */
export function learnedNames(ledger: Ledger, sandboxId: string): { readonly servers: readonly string[]; readonly search: readonly string[] } {
  const leases = ledger.endpointsOfSandbox(sandboxId).toSorted((a, b) => Number(leaseLeadsOut(b)) - Number(leaseLeadsOut(a))).flatMap(({ dhcp }) => [dhcp?.lease ?? [], dhcp?.lease6 ?? []].flat());
  return { servers: [...new Set(leases.flatMap(({ dns }) => dns))], search: [...new Set(leases.flatMap(({ search }) => search))] };
}

/** A router that is not in the subnet (clouds give /32 addresses) is reached on the link itself. */
function withWay(route: RouteState, { address }: DhcpLease): RouteState[] {
  const { gateway } = route;
  if (gateway === undefined || contains(parseInterfaceAddress(address).network, parseAddress(gateway))) return [route];
  return [{ destination: `${gateway}/32` }, route];
}
