import { withoutLength } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';
import { macFromUser } from '../../src/common/mac.ts';
import { quote } from '../../src/common/quote.ts';
import { dhcpPatience } from '../../src/controller/dhcp-request.ts';
import type { EngineDoor } from '../../src/controller/engine-door.ts';
import type { LeasedPoolRequest } from '../../src/controller/leased-addresses.ts';
import { GATEWAY_OWNER } from '../../src/controller/records.ts';
import { addressKey, addressSpaces, containerName, ipamRoutes, isForGateway, releaseRoutes, type IpamDriverParts } from './ipam-routes.ts';
import { bareRoute, route, type PluginRoute } from './plugin-route.ts';
import { addressBody, requestPoolBody, type AddressBody, type CreateNetworkBody, type RequestPoolBody } from './wire.ts';

const SPACE = 'tsdhcp';
const MAC = 'com.docker.network.endpoint.macaddress';
const EXAMPLE = '--ipam-driver tsdhcp --ipam-opt parent=eth0 --subnet 192.168.1.0/24';

/** The remote IPAM protocol, addresses by the DHCP server of a LAN: `docker network create --ipam-driver tsdhcp --ipam-opt parent=eth0 --subnet …`. */
export function dhcpDriverRoutes({ controller, recent, onMade }: IpamDriverParts): Map<string, PluginRoute> {
  const { engine } = controller;
  const methods: Readonly<Record<string, PluginRoute>> = {
    // Servers know their clients by MAC addresses. Those are the container's then: the engine passes them on to the network driver.
    GetCapabilities: bareRoute(() => ({ RequiresMACAddress: true, RequiresRequestReplay: false })),
    GetDefaultAddressSpaces: addressSpaces(SPACE),

    RequestPool: route(requestPoolBody, async (body, call) => {
      const request = poolRequest(body);
      onMade();
      const pool = await engine.requestLeasedPool(request);
      recent.touch(pool.id);
      call.onUndelivered(() => engine.releasePool(pool.id));
      return { PoolID: pool.id, Pool: pool.subnet, Data: {} };
    }),

    RequestAddress: route(addressBody, async (body, call) => {
      const cidr = await requestAddress(engine, body);
      const address = withoutLength(cidr);
      recent.touch(addressKey(body.PoolID, address));
      call.onUndelivered(() => engine.releaseAddress(body.PoolID, address));
      return { Address: cidr, Data: {} };
    }),

    ...releaseRoutes(engine),
  };
  return ipamRoutes(methods);
}

/**
 * Checks that a network driver can do with addresses of `tsdhcp`.
 * @throws {NetworkError} INVALID naming the way that works
 */
export function checkLeasedPools(engine: EngineDoor, driver: string, { IPv4Data }: CreateNetworkBody): void {
  const subnets = new Set(engine.pools().flatMap(({ subnet, parent }) => (parent === undefined ? [] : [subnet])));
  if (driver === 'macvlan' || IPv4Data.every(({ Pool = '' }) => !subnets.has(Pool))) return;
  throw new NetworkError('INVALID', `--ipam-driver tsdhcp is for macvlan, where each container has a MAC address of its own on the LAN: use --ipam-driver null -o ts${driver}.ipam=dhcp with ts${driver}`);
}

function poolRequest({ Pool, SubPool, Options, V6 }: RequestPoolBody): LeasedPoolRequest {
  const { parent, timeout, ...others } = Options;
  const unknown = Object.keys(others).find((key) => !key.startsWith('com.docker.'));
  if (unknown !== undefined) throw new NetworkError('INVALID', `unknown IPAM option ${quote(unknown)}: tsdhcp takes parent=LINK and timeout=SECONDS`);
  if (typeof parent !== 'string' || parent === '') throw new NetworkError('INVALID', `tsdhcp needs the link by which the DHCP server is reached: ${EXAMPLE}`);
  if (V6 === true) throw new NetworkError('UNSUPPORTED', 'tsdhcp gives IPv4 addresses: leave --ipv6 and IPv6 subnets out');
  if (Pool === undefined) throw new NetworkError('INVALID', `tsdhcp needs the subnet of the LAN: ${EXAMPLE}`);
  if (SubPool !== undefined) throw new NetworkError('INVALID', `--ip-range ${SubPool} cannot be kept: the DHCP server of the LAN decides; leave it out`);
  const patience = dhcpPatience({ name: '', ipam: 'dhcp', ...(timeout === undefined ? {} : { ipamOptions: { timeout: String(timeout) } }) });
  return { subnet: Pool, parent, ...(patience === undefined ? {} : { patience }) };
}

/** Addresses of containers are leased; those of a gateway and auxiliary ones, which come without a MAC address, are only kept. */
function requestAddress(engine: EngineDoor, { PoolID, Address, Options }: AddressBody): Promise<string> {
  if (isForGateway(Options)) return Address === undefined ? engine.lanGateway(PoolID) : engine.requestAddress(PoolID, Address, GATEWAY_OWNER);
  const mac = Options[MAC];
  if (typeof mac === 'string' && mac !== '') {
    const container = containerName(Options);
    return engine.requestLeasedAddress({
      poolId: PoolID,
      mac: macFromUser(mac),
      ...(container === undefined ? {} : { container }),
      ...(Address === undefined ? {} : { wanted: Address }),
    });
  }
  if (Address !== undefined) return engine.requestAddress(PoolID, Address, 'an auxiliary address');
  throw new NetworkError('INVALID', 'the engine wants an address for a container and does not say its MAC address: is this a Docker engine of 20.10 or newer?');
}
