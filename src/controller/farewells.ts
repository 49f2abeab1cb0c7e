/**
 * What Docker plugins have to be told when something goes. It is written down together with the end of
 * the endpoint or network, and told afterwards: a plugin that cannot be reached keeps nobody waiting.
 */
import type { Plugins } from '../../drivers/remote/plugins.ts';
import { withoutLength } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import type { Change } from '../store/store.ts';
import type { Context } from './context.ts';
import type { Ledger } from './ledger.ts';
import { endpointCall, pluginPoolId } from './plugin-options.ts';
import { farewellKey, type EndpointRecord, type FarewellRecord, type NetworkRecord, type SubnetRecord } from './records.ts';

/** How far an endpoint comes, step by step. */
const STAGES = ['created', 'joined', 'programmed'] as const;

/** Farewells of endpoints that are about to go; none for those that no plugin knows. */
export function endpointFarewells(ledger: Ledger, endpoints: readonly EndpointRecord[]): FarewellRecord[] {
  return endpoints.flatMap((endpoint) => {
    const { id, networkId, remote, grant, ipv4, ipv6 } = endpoint;
    const { driver, ipam, ...network } = ledger.network(networkId).record;
    const addresses = ipam === undefined || grant === undefined ? [] : [...held(network.ipv4, ipv4), ...held(network.ipv6, ipv6)];
    // While it is joining, who knows how far it has come.
    const isKnown = remote?.joined !== undefined || ledger.joining.has(id);
    if (!isKnown && addresses.length === 0) return [];
    const known = isKnown ? { driver, endpoint: remote?.programmed === true ? ('programmed' as const) : ('joined' as const) } : {};
    return [mergedFarewell(ledger, { id, networkId, ...known, ...(ipam === undefined ? {} : { ipam }), addresses, pools: [] })];
  });
}

/** The farewell of a network; undefined where no plugin knows it. */
export function networkFarewell({ id, driver, remote, ipam, ipv4, ipv6 }: NetworkRecord): FarewellRecord | undefined {
  const subnets = ipam === undefined || ipam === 'null' ? [] : [...ipv4, ...ipv6];
  const isKnown = remote === 'told' || remote === 'asked';
  if (!isKnown && subnets.length === 0) return undefined;
  return {
    id,
    networkId: id,
    ...(isKnown ? { driver } : {}),
    ...(ipam === undefined ? {} : { ipam }),
    addresses: subnets.flatMap((subnet) => [subnet.gateway, ...Object.values(subnet.auxiliary)].flatMap((address) => held([subnet], address))),
    pools: subnets.flatMap(({ poolId }) => (poolId === undefined ? [] : [pluginPoolId(poolId)])),
  };
}

/** Store changes that write farewells down. */
export function farewellChanges(farewells: readonly FarewellRecord[]): Change[] {
  return farewells.map((farewell) => ({ key: farewellKey(farewell.id), value: farewell }));
}

/** They are written down: they are told as soon as the turn is over. */
export function bidFarewell({ ledger }: Context, farewells: readonly FarewellRecord[]): void {
  for (const farewell of farewells) ledger.farewells.set(farewell.id, farewell);
}

/** What is to be told together with what is to be told still of the same thing. */
export function mergedFarewell({ farewells }: Ledger, farewell: FarewellRecord): FarewellRecord {
  const before = farewells.get(farewell.id);
  if (before === undefined) return farewell;
  const endpoint = STAGES.findLast((stage) => stage === before.endpoint || stage === farewell.endpoint);
  return {
    ...before,
    ...farewell,
    ...(endpoint === undefined ? {} : { endpoint }),
    addresses: [...without(before.addresses, farewell.addresses), ...farewell.addresses],
    pools: [...new Set([...before.pools, ...farewell.pools])],
  };
}

/** What came to be told while a part of it was told; undefined where that is nothing. */
export function remainder(now: FarewellRecord | undefined, told: FarewellRecord): FarewellRecord | undefined {
  if (now === undefined || now === told) return undefined;
  return { ...now, addresses: without(now.addresses, told.addresses), pools: now.pools.filter((pool) => !told.pools.includes(pool)) };
}

/**
 * An endpoint has joined of which its plugin was to be told that it is gone: that is not told any more.
 * @param noted whether what it has got was written down to be given back
 */
export async function stayAfterAll({ ledger, store }: Context, id: string, noted: boolean): Promise<void> {
  ledger.joining.delete(id);
  const farewell = ledger.farewells.get(id);
  if (farewell === undefined && !noted) return;
  const rest = farewell === undefined ? undefined : withoutDriver(farewell);
  await store.commit([{ key: farewellKey(id), ...(rest === undefined ? {} : { value: rest }) }]);
  if (rest === undefined) ledger.farewells.delete(id);
  else ledger.farewells.set(id, rest);
}

/** What is left to be told of what is written down, after a restart: its daemon may have been killed before it was struck out. */
export function restoredFarewell(ledger: Ledger, farewell: FarewellRecord): FarewellRecord | undefined {
  if (ledger.networks.has(farewell.id)) return undefined;
  const endpoint = ledger.endpoints.get(farewell.id);
  if (endpoint === undefined) return farewell;
  const { ipv4, ipv6 } = ledger.network(endpoint.networkId).record;
  return withoutDriver({ ...farewell, addresses: without(farewell.addresses, [...held(ipv4, endpoint.ipv4), ...held(ipv6, endpoint.ipv6)]) });
}

/** What is left to be told of an endpoint that is there; undefined where that is nothing. */
function withoutDriver({ driver: _driver, endpoint: _endpoint, ...rest }: FarewellRecord): FarewellRecord | undefined {
  return rest.addresses.length + rest.pools.length === 0 ? undefined : rest;
}

/**
 * Tells the plugins, in the engine's order. One that refuses has heard it all the same.
 * @returns what they refused, a sentence each
 * @throws {NetworkError} UNAVAILABLE, NOT_FOUND and others when a plugin has not heard it
 */
export async function sayFarewell(plugins: Plugins, farewell: FarewellRecord, signal: AbortSignal): Promise<string[]> {
  const { id, networkId, driver, endpoint, ipam, addresses, pools } = farewell;
  const refusals: string[] = [];
  const say = async (task: () => Promise<void>): Promise<void> => {
    const refusal = await unlessRefused(task());
    if (refusal !== undefined) refusals.push(refusal.message);
  };
  const options = { signal };
  if (driver !== undefined) {
    const { plugin } = await plugins.network(driver, options);
    const call = endpointCall({ id, networkId });
    if (endpoint === undefined) await say(() => plugin.deleteNetwork(networkId, options));
    if (endpoint === 'programmed') await say(() => plugin.revokeExternalConnectivity(call, options));
    if (endpoint === 'programmed' || endpoint === 'joined') await say(() => plugin.leave(call, options));
    if (endpoint !== undefined) await say(() => plugin.deleteEndpoint(call, options));
  }
  if (ipam !== undefined && addresses.length + pools.length > 0) {
    const { plugin } = await plugins.ipam(ipam, options);
    for (const { poolId, address } of addresses) await say(() => plugin.releaseAddress(poolId, address, options));
    for (const poolId of pools) await say(() => plugin.releasePool(poolId, options));
  }
  return refusals;
}

/** Waits for something that a plugin may refuse as well: it knows nothing of it, then. @returns its refusal */
export async function unlessRefused(said: Promise<void>): Promise<NetworkError | undefined> {
  try {
    await said;
    return undefined;
  } catch (thrown) {
    const error = NetworkError.from(thrown);
    if (error.code !== 'FORBIDDEN') throw error;
    return error;
  }
}

function without(addresses: FarewellRecord['addresses'], others: FarewellRecord['addresses']): FarewellRecord['addresses'] {
  return addresses.filter(({ poolId, address }) => !others.some((other) => other.poolId === poolId && other.address === address));
}

/** An address (plain or CIDR) and the pool that it is of: a plugin's networks have one of each family for their endpoints. */
function held([subnet]: readonly SubnetRecord[], address: string | undefined): FarewellRecord['addresses'] {
  if (subnet?.poolId === undefined || address === undefined) return [];
  return [{ poolId: pluginPoolId(subnet.poolId), address: withoutLength(address) }];
}
