import type { Family } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { NetworkRequest } from './requests.ts';

/** Seconds. */
const LONGEST_PATIENCE = 600;

/**
 * The families whose addresses the LAN's own servers give; undefined for a network with pools of ours.
 * @throws {NetworkError} INVALID for what only such a server can decide
 */
export function dhcpFamilies(request: NetworkRequest): readonly Family[] | undefined {
  const { ipam = 'default', subnets = [], ranges = [], gateways = [], auxiliary = {}, ipv4 = true, ipv6 = false } = request;
  if (ipam !== 'dhcp') return undefined;
  const [given] = [...subnets, ...ranges, ...gateways, ...Object.values(auxiliary)];
  if (given !== undefined) throw new NetworkError('INVALID', `${quote(given)} cannot be given with DHCP: the server of the LAN decides on subnets, ranges and gateways`);
  const families = ([4, 6] as const).filter((family) => (family === 4 ? ipv4 : ipv6));
  if (families.length === 0) throw new NetworkError('INVALID', `network ${quote(request.name)} would have neither IPv4 nor IPv6`);
  return families;
}

/**
 * How long its user wants to wait for a server, ms; undefined where nothing is said.
 * @throws {NetworkError} INVALID for an unknown option or a bad value
 */
export function dhcpPatience({ ipam = 'default', ipamOptions = {} }: NetworkRequest): number | undefined {
  // Options of a Docker plugin are the plugin's business.
  if (ipam !== 'default' && ipam !== 'dhcp') return undefined;
  const { timeout, ...others } = ipamOptions;
  const [unknown] = ipam === 'dhcp' ? Object.keys(others) : Object.keys(ipamOptions);
  if (unknown !== undefined) throw new NetworkError('INVALID', `unknown option ${quote(unknown)} of --ipam ${ipam}: ${ipam === 'dhcp' ? "there is 'timeout'" : 'it has none'}`);
  if (timeout === undefined) return undefined;
  const seconds = /^\d{1,4}$/.test(timeout) ? Number(timeout) : 0;
  if (seconds < 1 || seconds > LONGEST_PATIENCE) throw new NetworkError('INVALID', `--ipam-opt timeout=${quote(timeout)}: must be seconds, 1 to ${LONGEST_PATIENCE}`);
  return seconds * 1000;
}
