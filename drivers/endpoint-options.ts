import { NetworkError } from '../src/common/error.ts';
import { requireInterfaceName } from '../src/common/name.ts';
import { quote } from '../src/common/quote.ts';
import type { SysctlState } from '../src/kernel/link-state.ts';
import { boolean } from './option-values.ts';

/** Driver options of one endpoint, parsed. */
export interface EndpointOptions {
  /** Exact name of the interface in the sandbox. */
  readonly interfaceName: string | undefined;
  /** Keys with `IFNAME` still in them. */
  readonly sysctls: readonly SysctlState[];
  /** Whether its addresses are asked for on the LAN before they are taken; undefined: as the network has it. */
  readonly probe: boolean | undefined;
}

const SYSCTLS = 'com.docker.network.endpoint.sysctls';
const IFNAME = 'com.docker.network.endpoint.ifname';

/**
 * Parses `--driver-opt` of an endpoint. Keys of the engine that other parts read are passed over.
 * @param dad key of the option that asks for a probe, where the driver has one
 * @throws {NetworkError} INVALID
 */
export function parseEndpointOptions(options: Readonly<Record<string, string>>, dad?: string): EndpointOptions {
  for (const key of Object.keys(options)) {
    if (key.startsWith('com.docker.network.') || key === dad) continue;
    throw new NetworkError('INVALID', `unknown endpoint option ${quote(key)}: known are ${SYSCTLS}${dad === undefined ? '' : `, ${dad}`} and ${IFNAME}`);
  }
  const probe = dad === undefined ? undefined : options[dad];
  return {
    probe: dad === undefined || probe === undefined ? undefined : boolean(dad, probe),
    interfaceName: options[IFNAME] === undefined ? undefined : requireInterfaceName(options[IFNAME], 'interface name'),
    sysctls: options[SYSCTLS] === undefined ? [] : options[SYSCTLS].split(',').map(parseSysctl),
  };
}

/** The sysctls of one interface, `IFNAME` replaced by its name. */
export function interfaceSysctls(options: EndpointOptions, interfaceName: string): SysctlState[] {
  return options.sysctls.map(({ key, value }) => ({ key: key.replace('/IFNAME/', `/${interfaceName}/`), value }));
}

function parseSysctl(text: string): SysctlState {
  // docker's own client writes it small when it comes by `--network name=…,driver-opt=…`.
  const match = /^net\.(ipv4|ipv6|mpls)\.([a-z]+)\.(?:IFNAME|ifname)\.([a-z0-9_]+)=([-0-9A-Za-z _]{1,64})$/.exec(text.trim());
  if (match === null) {
    throw new NetworkError('INVALID', `endpoint sysctl ${quote(text)}: must be net.ipv4|ipv6|mpls.GROUP.IFNAME.NAME=VALUE, e.g. net.ipv4.conf.IFNAME.log_martians=1`);
  }
  const [, family, group, name, value] = match;
  return { key: `net/${family}/${group}/IFNAME/${name}`, value: value ?? '' };
}
