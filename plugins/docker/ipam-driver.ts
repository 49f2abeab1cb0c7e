import { withoutLength } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import { containerOwner } from '../../src/controller/engine-pools.ts';
import { GATEWAY_OWNER } from '../../src/controller/records.ts';
import { addressKey, addressSpaces, containerName, ipamRoutes, isForGateway, releaseRoutes, type IpamDriverParts } from './ipam-routes.ts';
import { bareRoute, route, type PluginRoute } from './plugin-route.ts';
import { addressBody, requestPoolBody, type WireOptions } from './wire.ts';

const SPACE = 'tsipam';

/** The remote IPAM protocol: `docker network create --ipam-driver tsipam`, with `--ipam-opt network=NAME` for a network of the cluster. */
export function ipamDriverRoutes({ controller, recent, onMade }: IpamDriverParts): Map<string, PluginRoute> {
  const { engine } = controller;
  const methods: Readonly<Record<string, PluginRoute>> = {
    // Pools and addresses are ours to remember: nothing is asked again when the engine starts.
    GetCapabilities: bareRoute(() => ({ RequiresMACAddress: false, RequiresRequestReplay: false })),
    GetDefaultAddressSpaces: addressSpaces(SPACE),

    RequestPool: route(requestPoolBody, async ({ Pool, SubPool, Options, V6 }, call) => {
      const network = networkName(Options);
      onMade();
      const pool = await engine.requestPool({
        family: V6 === true ? 6 : 4,
        ...(Pool === undefined ? {} : { subnet: Pool }),
        ...(SubPool === undefined ? {} : { range: SubPool }),
        ...(network === undefined ? {} : { network }),
      });
      recent.touch(pool.id);
      call.onUndelivered(() => engine.releasePool(pool.id));
      return { PoolID: pool.id, Pool: pool.subnet, Data: {} };
    }),

    RequestAddress: route(addressBody, async ({ PoolID, Address, Options }, call) => {
      const cidr = await engine.requestAddress(PoolID, Address, ownerOf(Options));
      const address = withoutLength(cidr);
      recent.touch(addressKey(PoolID, address));
      call.onUndelivered(() => engine.releaseAddress(PoolID, address));
      return { Address: cidr, Data: {} };
    }),

    ...releaseRoutes(engine),
  };
  return ipamRoutes(methods);
}

/** The network of the cluster that the addresses are for; undefined for one of this host. @throws {NetworkError} INVALID for other options */
function networkName({ network, ...others }: WireOptions): string | undefined {
  const unknown = Object.keys(others).find((key) => !key.startsWith('com.docker.'));
  if (unknown !== undefined) throw new NetworkError('INVALID', `unknown IPAM option ${quote(unknown)}: tsipam takes none but network=NAME, for tsoverlay; use --subnet, --ip-range, --gateway and --aux-address`);
  return network === undefined ? undefined : String(network);
}

/** Engines before 28 do not say for whom an address is. */
function ownerOf(options: WireOptions): string {
  if (isForGateway(options)) return GATEWAY_OWNER;
  const name = containerName(options);
  return name === undefined ? 'a container of the engine' : containerOwner(name);
}
