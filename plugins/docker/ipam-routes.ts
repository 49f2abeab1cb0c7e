/** What both IPAM drivers, `tsipam` and `tsdhcp`, answer alike. */
import type { Controller } from '../../src/controller/controller.ts';
import type { EngineDoor } from '../../src/controller/engine-door.ts';
import { bareRoute, route, type PluginRoute } from './plugin-route.ts';
import type { Recent } from './recent.ts';
import { addressBody, releasePoolBody, type WireOptions } from './wire.ts';

const TYPE = 'IpamDriver';
const GATEWAY = 'com.docker.network.gateway';
const ENDPOINT_NAME = 'com.docker.network.endpoint.name';

/** What the door of an IPAM driver stands on. */
export interface IpamDriverParts {
  readonly controller: Controller;
  /** Notes pools and addresses that the engine has just asked for. */
  readonly recent: Recent;
  /** Called when the engine has asked for a pool, be it in vain: one that it has forgotten may be in the way. */
  readonly onMade: () => void;
}

/** Routes by path. @param methods by name */
export function ipamRoutes(methods: Readonly<Record<string, PluginRoute>>): Map<string, PluginRoute> {
  return new Map(Object.entries(methods).map(([name, answer]) => [`${TYPE}.${name}`, answer]));
}

/** The one address space of a driver. */
export function addressSpaces(name: string): PluginRoute {
  return bareRoute(() => ({ LocalDefaultAddressSpace: name, GlobalDefaultAddressSpace: name }));
}

/** Giving back succeeds where nothing is left. */
export function releaseRoutes(engine: EngineDoor): Readonly<Record<string, PluginRoute>> {
  return {
    ReleasePool: route(releasePoolBody, async ({ PoolID }) => {
      await engine.releasePool(PoolID);
      return {};
    }),

    ReleaseAddress: route(addressBody, async ({ PoolID, Address }) => {
      if (Address !== undefined) await engine.releaseAddress(PoolID, Address);
      return {};
    }),
  };
}

/** What {@link Recent} knows an address by. */
export function addressKey(poolId: string, address: string): string {
  return `${poolId} ${address}`;
}

/** Whether an address is to be that of a network's gateway. */
export function isForGateway(options: WireOptions): boolean {
  return options['RequestAddressType'] === GATEWAY;
}

/** Name of the container that an address is for, where the engine says it. */
export function containerName(options: WireOptions): string | undefined {
  const name = options[ENDPOINT_NAME];
  return typeof name === 'string' && name !== '' ? name : undefined;
}
