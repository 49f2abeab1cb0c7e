import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { EngineDoor } from '../../src/controller/engine-door.ts';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import { genericOptions, isInternal, plainAddress } from './network-request.ts';
import type { CreateNetworkBody } from './wire.ts';

const NAME = 'tsoverlay.network';

/**
 * The network of the cluster that the engine asks for. Its name comes twice, because neither of the two drivers hears
 * what the other one is told.
 * @throws {NetworkError} INVALID where it is not named
 */
export function overlayRequest({ Options, IPv4Data, IPv6Data }: CreateNetworkBody): NetworkRequest {
  const { [NAME]: name, ...options } = genericOptions(Options);
  if (name === undefined || name === '') throw new NetworkError('INVALID', `a tsoverlay network is one of the cluster, and is named twice: -o ${NAME}=NAME --ipam-driver tsipam --ipam-opt network=NAME`);
  const data = [...IPv4Data, ...IPv6Data];
  return {
    name,
    driver: 'overlay',
    madeBy: 'engine',
    internal: isInternal(Options),
    ipv4: IPv4Data.length > 0,
    ipv6: IPv6Data.length > 0,
    subnets: data.flatMap(({ Pool }) => Pool ?? []),
    gateways: data.flatMap(({ Gateway }) => (Gateway === undefined ? [] : [plainAddress(Gateway)])),
    auxiliary: Object.fromEntries(data.flatMap(({ AuxAddresses }) => Object.entries(AuxAddresses).map(([key, address]) => [key, plainAddress(address)]))),
    options,
  };
}

/**
 * Checks that a driver of one host is not given addresses of the cluster.
 * @throws {NetworkError} INVALID naming the way that works
 */
export function checkClusterPools(engine: EngineDoor, driver: string, { IPv4Data, IPv6Data }: CreateNetworkBody): void {
  const subnets = new Set([...IPv4Data, ...IPv6Data].map(({ Pool }) => Pool));
  const name = engine.pools().find(({ network, subnet }) => network !== undefined && subnets.has(subnet))?.network;
  if (name === undefined) return;
  throw new NetworkError('INVALID', `--ipam-opt network=${name} gives addresses of network ${quote(name)} of the cluster, and ts${driver} is for this host alone: use -d tsoverlay -o ${NAME}=${name}, or leave --ipam-opt out`);
}
