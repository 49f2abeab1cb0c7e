/** What an engine has forgotten, and what it calls the rest. Pure. */
import type { EngineNetwork } from '../../src/controller/engine-door.ts';
import { GATEWAY_OWNER, type EndpointRecord, type PoolRecord } from '../../src/controller/records.ts';
import { plainAddresses } from '../../src/controller/services.ts';
import type { InspectedNetwork, ListedContainer, ListedNetwork } from './engine-client.ts';
import { addressKey } from './ipam-routes.ts';

/** What one engine said, all of it. */
export interface EngineView {
  readonly id: string;
  readonly networks: readonly ListedNetwork[];
  /** By network id: those of ours, and those with addresses of ours. */
  readonly inspected: ReadonlyMap<string, InspectedNetwork>;
}

/** What we hold for engines. */
export interface Holdings {
  readonly networks: readonly EngineNetwork[];
  readonly endpoints: readonly EndpointRecord[];
  readonly pools: readonly PoolRecord[];
  /** Ids of the networks in which somebody may look for containers. */
  readonly searched: ReadonlySet<string>;
}

/** What is to be done about it. */
export interface Comparison {
  readonly learnNetworks: readonly { readonly id: string; readonly name: string }[];
  readonly learnPools: readonly string[];
  /** Containers that somebody may look for, and of which nothing is known, or another name. */
  readonly learnContainers: readonly ListedContainer[];
  /** Networks, endpoints and pools that the engine does not know any more, by id. */
  readonly lostNetworks: readonly EngineNetwork[];
  readonly lostEndpoints: readonly EndpointRecord[];
  readonly lostPools: readonly PoolRecord[];
  readonly lostAddresses: readonly { readonly poolId: string; readonly address: string }[];
}

/**
 * Compares what we hold with what an engine says.
 *
 * Only what this engine is known to have listed before can be lost: another engine of the same
 * host has networks too, and calls do not say which engine made them.
 *
 * @param isRecent whether an id was used so lately that the engine may not list it yet
 */
export function compareWithEngine(view: EngineView, held: Holdings, isRecent: (id: string) => boolean): Comparison {
  const listed = new Map(view.networks.map((network) => [network.id, network]));
  const users = view.networks.filter(({ ipamDriver }) => isRemoteIpam(ipamDriver));
  const subnetsInUse = new Set(users.flatMap(({ subnets }) => subnets));
  // Another engine of this host may have containers in the same network of the cluster.
  const elsewhere = ({ networkId }: PoolRecord): string[] => {
    const others = held.endpoints.filter((endpoint) => endpoint.networkId === networkId && !listed.has(endpoint.engineNetwork ?? networkId ?? ''));
    return others.flatMap(plainAddresses);
  };
  const containers = new Map([...view.inspected.values()].flatMap((network) => network.containers.map((container) => [container.endpointId, container] as const)));
  return {
    learnNetworks: held.networks.flatMap(({ id }) => {
      const found = listed.get(id);
      return found === undefined ? [] : [{ id, name: found.name }];
    }),
    learnPools: held.pools.filter(({ subnet }) => subnetsInUse.has(subnet)).map(({ id }) => id),
    learnContainers: held.endpoints.flatMap(({ id, name, networkId, engineNetwork = networkId, container }) => {
      const found = held.searched.has(engineNetwork) ? containers.get(id) : undefined;
      return found === undefined || (container?.id === found.id && name === found.name) ? [] : [found];
    }),
    lostNetworks: held.networks.filter(({ id, engine }) => engine === view.id && !listed.has(id) && !isRecent(id)),
    lostEndpoints: held.endpoints.filter(({ id, networkId, engineNetwork = networkId }) => view.inspected.has(engineNetwork) && !containers.has(id) && !isRecent(id)),
    lostPools: held.pools.filter(({ id, subnet, engine }) => engine === view.id && !subnetsInUse.has(subnet) && !isRecent(id)),
    lostAddresses: held.pools.flatMap((pool) => {
      const inspected = users.filter(({ subnets }) => subnets.includes(pool.subnet)).map(({ id }) => view.inspected.get(id));
      if (inspected.length === 0 || inspected.includes(undefined)) return [];
      const used = new Set([...inspected.flatMap((network) => network?.addresses ?? []), ...elsewhere(pool)]);
      return Object.entries(pool.addresses)
        // Engines do not tell a gateway's address that they asked us for.
        .filter(([address, owner]) => owner !== GATEWAY_OWNER && !used.has(address) && !isRecent(addressKey(pool.id, address)))
        .map(([address]) => ({ poolId: pool.id, address }));
    }),
  };
}

/** Whether a network may have its addresses from us: as a managed plugin, we do not know what we are called. */
export function isRemoteIpam(ipamDriver: string): boolean {
  return ipamDriver !== '' && ipamDriver !== 'default' && ipamDriver !== 'null';
}
