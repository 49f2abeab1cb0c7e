import { formatAddress } from '../../src/common/address.ts';
import { parseInterfaceAddress } from '../../src/common/cidr.ts';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import type { CreateNetworkBody, IpamData, WireOptions } from './wire.ts';

const GENERIC = 'com.docker.network.generic';
const INTERNAL = 'com.docker.network.internal';
const OURS = 'tsbridge.';
const PUBLISHER = `${OURS}publisher`;
/** Options of ours that the driver reads. */
const DRIVERS: ReadonlySet<string> = new Set([`${OURS}dns`]);

/** With the engine publishing, containers lead out through its own docker_gwbridge, and these say nothing. */
const MEANINGLESS_FOR_ENGINE: readonly string[] = [
  'com.docker.network.bridge.gateway_mode_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv6',
  'com.docker.network.bridge.host_binding_ipv4',
  'com.docker.network.bridge.trusted_host_interfaces',
  'com.docker.network.host_ipv4',
  'com.docker.network.host_ipv6',
];
const MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade';
const NO = new Set(['false', '0', 'f', 'F', 'FALSE', 'False']);

/** The network that the engine asks for. Its name is not in the call: until it is learnt, `docker-` and the short id. */
export function networkRequest(body: CreateNetworkBody, driver: string): NetworkRequest {
  const { [`ts${driver}.ipam`]: ipam, ...given } = genericOptions(body.Options);
  const publishing = driver === 'bridge' ? takePublisher(given) : { options: given };
  const data = [...body.IPv4Data, ...body.IPv6Data];
  const common = {
    id: body.NetworkID,
    name: `docker-${body.NetworkID.slice(0, 12)}`,
    driver,
    owner: 'engine',
    ...publishing,
    internal: isInternal(body.Options),
  } as const;
  if (ipam !== undefined) {
    checkDhcp(driver, ipam, data);
    return { ...common, ipam: 'dhcp' };
  }
  return {
    ...common,
    ipv4: body.IPv4Data.length > 0,
    ipv6: body.IPv6Data.length > 0,
    subnets: data.map((one) => subnetOf(one, driver)),
    gateways: data.flatMap(({ Gateway }) => (Gateway === undefined ? [] : [plainAddress(Gateway)])),
    auxiliary: Object.fromEntries(data.flatMap(({ AuxAddresses }) => Object.entries(AuxAddresses).map(([name, address]) => [name, plainAddress(address)]))),
  };
}

/** The engine's own IPAM gives addresses unless it is the one that gives none. */
function checkDhcp(driver: string, ipam: string, data: readonly IpamData[]): void {
  if (ipam !== 'dhcp') throw new NetworkError('INVALID', `option ts${driver}.ipam=${quote(ipam)}: must be dhcp`);
  const pool = data.find(({ Pool }) => Pool !== undefined && !Pool.endsWith('/0'))?.Pool;
  if (pool !== undefined) throw new NetworkError('INVALID', `option ts${driver}.ipam=dhcp leaves addresses to the LAN's server, and the engine has chosen ${pool}: add --ipam-driver null`);
}

/** `-o KEY=VALUE` of `docker network create`; an API client may send numbers and booleans. */
export function genericOptions(options: WireOptions): Record<string, string> {
  const generic = options[GENERIC];
  if (generic === undefined || generic === null) return {};
  if (typeof generic !== 'object' || Array.isArray(generic)) throw new NetworkError('INVALID', `${GENERIC} must be an object of options`);
  return Object.fromEntries(
    Object.entries(generic).flatMap(([key, value]): [string, string][] => {
      if (value === null || value === undefined) return [];
      if (typeof value === 'object') throw new NetworkError('INVALID', `option ${quote(key)} must be a text, number or boolean`);
      return [[key, String(value)]];
    }),
  );
}

interface Publishing {
  readonly publisher: 'driver' | 'engine';
  readonly options: Readonly<Record<string, string>>;
}

function takePublisher(all: Readonly<Record<string, string>>): Publishing {
  const { [PUBLISHER]: publisher = 'driver', ...options } = all;
  for (const key of Object.keys(options)) {
    if (key.startsWith(OURS) && !DRIVERS.has(key)) throw new NetworkError('INVALID', `unknown option ${quote(key)}: there are ${PUBLISHER}=driver|engine and ${OURS}dns=sandbox|gateway`);
  }
  if (publisher !== 'driver' && publisher !== 'engine') {
    throw new NetworkError('INVALID', `option ${PUBLISHER}=${quote(publisher)}: must be driver or engine`);
  }
  if (publisher === 'engine') {
    const refused = MEANINGLESS_FOR_ENGINE.find((key) => options[key] !== undefined) ?? (NO.has(options[MASQUERADE] ?? '') ? MASQUERADE : undefined);
    if (refused !== undefined) {
      throw new NetworkError('INVALID', `option ${refused} means nothing with ${PUBLISHER}=engine, where containers lead out through docker_gwbridge: leave one of the two away`);
    }
  }
  return { publisher, options };
}

function subnetOf({ Pool }: IpamData, driver: string): string {
  if (Pool === undefined || Pool.endsWith('/0')) {
    throw new NetworkError('INVALID', `a ${driver} network needs a subnet, and got ${quote(Pool ?? '')}: use --ipam-driver default or tsipam, or -o ts${driver}.ipam=dhcp`);
  }
  return Pool;
}

/** An address without its prefix length, in its usual form. */
export function plainAddress(cidr: string): string {
  return formatAddress(parseInterfaceAddress(cidr).address);
}

/** Whether `--internal` was said. */
export function isInternal({ [INTERNAL]: value }: WireOptions): boolean {
  return value === true || value === 'true';
}
