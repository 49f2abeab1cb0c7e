/**
 * What Docker plugins have to be told when something goes. It is written down together with the end of
 * the endpoint or network, and told afterwards: a plugin that cannot be reached keeps nobody waiting.
 */
import type { Plugins } from '../../drivers/remote/plugins.ts';
import { NetworkError } from '../common/error.ts';
import type { Change } from '../store/store.ts';
import type { Context } from './context.ts';
import type { Ledger } from './ledger.ts';
import { endpointCall, pluginPoolId } from './plugin-options.ts';
import { farewellKey, type EndpointRecord, type FarewellRecord, type NetworkRecord, type SubnetRecord } from './records.ts';

/** Farewells of endpoints that are about to go; none for those that no plugin knows. */
export function endpointFarewells(ledger: Ledger, endpoints: readonly EndpointRecord[]): FarewellRecord[] {
  return endpoints.flatMap((endpoint) => {
    const { id, networkId, remote, grant, ipv4, ipv6 } = endpoint;
    const { driver, ipam, ...network } = ledger.network(networkId).record;
    const addresses = ipam === undefined || grant === undefined ? [] : [...held(network.ipv4, ipv4), ...held(network.ipv6, ipv6)];
    if (remote?.joined === undefined && addresses.length === 0) return [];
    const known = remote?.joined === undefined ? {} : { driver, endpoint: remote.programmed === true ? ('programmed' as const) : ('joined' as const) };
    return [{ id, networkId, ...known, ...(ipam === undefined ? {} : { ipam }), addresses, pools: [] }];
  });
}

/** The farewell of a network; undefined where no plugin knows it. */
export function networkFarewell({ id, driver, remote, ipam, ipv4, ipv6 }: NetworkRecord): FarewellRecord | undefined {
  const subnets = ipam === undefined || ipam === 'null' ? [] : [...ipv4, ...ipv6];
  if (remote !== 'told' && subnets.length === 0) return undefined;
  return {
    id,
    networkId: id,
    ...(remote === 'told' ? { driver } : {}),
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

/** An endpoint has joined of which its plugin was to be told that it is gone: that is not told any more. */
export async function stayAfterAll({ ledger, store }: Context, id: string): Promise<void> {
  const farewell = ledger.farewells.get(id);
  if (farewell === undefined) return;
  const rest = withoutDriver(farewell);
  await store.commit([{ key: farewellKey(id), ...(rest === undefined ? {} : { value: rest }) }]);
  if (rest === undefined) ledger.farewells.delete(id);
  else ledger.farewells.set(id, rest);
}

/** What is left to be told of an endpoint that is there; undefined where that is nothing. */
export function withoutDriver({ driver: _driver, endpoint: _endpoint, ...rest }: FarewellRecord): FarewellRecord | undefined {
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
    try {
      await task();
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (error.code !== 'FORBIDDEN') throw error;
      refusals.push(error.message);
    }
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

/** An address (plain or CIDR) and the pool that it is of: a plugin's networks have one of each family for their endpoints. */
function held([subnet]: readonly SubnetRecord[], address: string | undefined): FarewellRecord['addresses'] {
  if (subnet?.poolId === undefined || address === undefined) return [];
  return [{ poolId: pluginPoolId(subnet.poolId), address: address.split('/')[0] ?? '' }];
}
