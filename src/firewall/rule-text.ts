/**
 * Every text that comes from outside passes through here before it becomes part of a rule: what
 * comes back cannot end a string, a statement or a line of nft or iptables-restore.
 */
import { bitsOf, formatAddress, parseAddress } from '../common/address.ts';
import type { Family } from '../common/address.ts';
import { formatCidr, parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/**
 * Wider than what we let users choose, because rules also name interfaces that others made. The
 * kernel itself takes everything but `/`, `:` and white space (dev_valid_name in net/core/dev.c).
 * A closing `*` or `+` would match more than one interface, a leading `!` or `-` is syntax.
 */
const INTERFACE = /^(?![!-])[!#-&(-.0-9;-[\]-~]{1,15}(?<![*+])$/;

/**
 * The name itself, if a rule may carry it.
 * @throws {NetworkError} INVALID
 */
export function ruleInterface(name: string): string {
  if (INTERFACE.test(name) && name !== '.' && name !== '..') return name;
  throw new NetworkError(
    'INVALID',
    `interface name ${quote(name)} cannot stand in a packet filter rule: use 1 to 15 letters, digits and '_.@-', not beginning with '-'`,
  );
}

/**
 * Canonical text of an address of the given family.
 * @throws {NetworkError} INVALID
 */
export function ruleAddress(text: string, family: Family): string {
  const address = parseAddress(text);
  if (address.family === family) return formatAddress(address);
  throw new NetworkError('INVALID', `${quote(text)} is not an IPv${family} address`);
}

/**
 * Canonical text of a subnet of the given family; a subnet of one address is that address.
 * @throws {NetworkError} INVALID, also for a subnet of everything: rules about "whoever is in it" would cut the host off
 */
export function ruleSubnet(text: string, family: Family): string {
  const cidr = parseCidr(text);
  if (cidr.family !== family) throw new NetworkError('INVALID', `${quote(text)} is not an IPv${family} subnet`);
  if (cidr.prefix === 0) throw new NetworkError('INVALID', `${quote(text)} is every address there is; give the network a subnet of its own`);
  return cidr.prefix === bitsOf(family) ? formatAddress({ family, value: cidr.base }) : formatCidr(cidr);
}

/**
 * The port itself.
 * @throws {NetworkError} INVALID
 */
export function rulePort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new NetworkError('INVALID', `port ${String(port)} must be 1 to 65535`);
}

/**
 * The VXLAN network identifier itself.
 * @throws {NetworkError} INVALID
 */
export function ruleVni(vni: number): number {
  if (Number.isInteger(vni) && vni >= 1 && vni <= 0xff_ffff) return vni;
  throw new NetworkError('INVALID', `VNI ${String(vni)} must be 1 to ${String(0xff_ffff)}`);
}

const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'];

/**
 * The protocol itself.
 * @throws {NetworkError} INVALID
 */
export function ruleProtocol(protocol: string): string {
  if (PROTOCOLS.includes(protocol)) return protocol;
  throw new NetworkError('INVALID', `protocol ${quote(protocol)} must be one of ${PROTOCOLS.join(', ')}`);
}
