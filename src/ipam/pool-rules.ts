import type { Family } from '../common/address.ts';
import { containsCidr, formatCidr, overlaps, parseCidr, sameCidr } from '../common/cidr.ts';
import type { Cidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';

const LINK_LOCAL_V6 = parseCidr('fe80::/64');

/** Blocks that no interface address may come from (RFC 6890), and why. */
const UNUSABLE: readonly (readonly [Cidr, string])[] = [
  [parseCidr('0.0.0.0/8'), 'means "this network"'],
  [parseCidr('127.0.0.0/8'), 'is the loopback network'],
  [parseCidr('224.0.0.0/4'), 'is multicast'],
  [parseCidr('::1/128'), 'is the loopback address'],
  [parseCidr('::ffff:0:0/96'), 'is IPv4 in IPv6 form'],
  [parseCidr('ff00::/8'), 'is multicast'],
];

/**
 * A subnet that a network can have.
 * @throws {NetworkError} INVALID
 */
export function checkSubnet(subnet: Cidr, family: Family): void {
  const text = formatCidr(subnet);
  if (subnet.family !== family) throw new NetworkError('INVALID', `subnet ${text} is not IPv${family}`);
  const unusable = UNUSABLE.find(([block]) => overlaps(block, subnet));
  if (unusable !== undefined) {
    throw new NetworkError('INVALID', `subnet ${text} cannot be used: ${formatCidr(unusable[0])} ${unusable[1]}`);
  }
  if (overlaps(parseCidr('fe80::/10'), subnet) && !sameCidr(subnet, LINK_LOCAL_V6)) {
    throw new NetworkError('INVALID', `subnet ${text} cannot be used: the link-local subnet is fe80::/64 (RFC 4291)`);
  }
}

/**
 * A range from which a subnet's addresses are chosen.
 * @throws {NetworkError} INVALID
 */
export function checkRange(range: Cidr, subnet: Cidr): void {
  if (containsCidr(subnet, range)) return;
  throw new NetworkError('INVALID', `range ${formatCidr(range)} is not inside subnet ${formatCidr(subnet)}`);
}
