import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { Controller } from '../../src/controller/controller.ts';
import { containerOwner } from '../../src/controller/engine-pools.ts';
import { bareRoute, route, type PluginRoute } from './plugin-route.ts';
import type { Recent } from './recent.ts';
import { addressBody, releasePoolBody, requestPoolBody, type WireOptions } from './wire.ts';

const TYPE = 'IpamDriver';
const SPACE = 'tsipam';
const GATEWAY = 'com.docker.network.gateway';
const ENDPOINT_NAME = 'com.docker.network.endpoint.name';

/** Owner of an address that a network's gateway has. */
export const GATEWAY_OWNER: string = 'the gateway';

/** What the IPAM driver's door stands on. */
export interface IpamDriverParts {
  readonly controller: Controller;
  /** Notes pools and addresses that the engine has just asked for. */
  readonly recent: Recent;
  /** Called when the engine has asked for a pool, be it in vain: one that it has forgotten may be in the way. */
  readonly onMade: () => void;
}

/** What {@link Recent} knows an address by. */
export function addressKey(poolId: string, address: string): string {
  return `${poolId} ${address}`;
}

/** The remote IPAM protocol: `docker network create --ipam-driver tsipam`. */
export function ipamDriverRoutes({ controller, recent, onMade }: IpamDriverParts): Map<string, PluginRoute> {
  const { engine } = controller;
  const methods: Readonly<Record<string, PluginRoute>> = {
    // Pools and addresses are ours to remember: nothing is asked again when the engine starts.
    GetCapabilities: bareRoute(() => ({ RequiresMACAddress: false, RequiresRequestReplay: false })),
    GetDefaultAddressSpaces: bareRoute(() => ({ LocalDefaultAddressSpace: SPACE, GlobalDefaultAddressSpace: SPACE })),

    RequestPool: route(requestPoolBody, async ({ Pool, SubPool, Options, V6 }, call) => {
      refuseOptions(Options);
      onMade();
      const pool = await engine.requestPool({
        family: V6 === true ? 6 : 4,
        ...(Pool === undefined ? {} : { subnet: Pool }),
        ...(SubPool === undefined ? {} : { range: SubPool }),
      });
      recent.touch(pool.id);
      call.onUndelivered(() => engine.releasePool(pool.id));
      return { PoolID: pool.id, Pool: pool.subnet, Data: {} };
    }),

    ReleasePool: route(releasePoolBody, async ({ PoolID }) => {
      await engine.releasePool(PoolID);
      return {};
    }),

    RequestAddress: route(addressBody, async ({ PoolID, Address, Options }, call) => {
      const cidr = await engine.requestAddress(PoolID, Address, ownerOf(Options));
      const [address = ''] = cidr.split('/');
      recent.touch(addressKey(PoolID, address));
      call.onUndelivered(() => engine.releaseAddress(PoolID, address));
      return { Address: cidr, Data: {} };
    }),

    ReleaseAddress: route(addressBody, async ({ PoolID, Address }) => {
      if (Address !== undefined) await engine.releaseAddress(PoolID, Address);
      return {};
    }),
  };
  return new Map(Object.entries(methods).map(([name, answer]) => [`${TYPE}.${name}`, answer]));
}

function refuseOptions(options: WireOptions): void {
  const unknown = Object.keys(options).find((key) => !key.startsWith('com.docker.'));
  if (unknown !== undefined) throw new NetworkError('INVALID', `unknown IPAM option ${quote(unknown)}: tsipam takes none, use --subnet, --ip-range, --gateway and --aux-address`);
}

/** Engines before 28 do not say for whom an address is. */
function ownerOf(options: WireOptions): string {
  if (options['RequestAddressType'] === GATEWAY) return GATEWAY_OWNER;
  const name = options[ENDPOINT_NAME];
  return typeof name === 'string' && name !== '' ? containerOwner(name) : 'a container of the engine';
}
