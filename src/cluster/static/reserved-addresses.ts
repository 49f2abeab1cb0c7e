import { formatAddress } from '../../common/address.ts';
import { firstOf, lastOf } from '../../common/cidr.ts';
import type { PeersSubnet } from './peers.ts';

/** Plain addresses of a subnet that no endpoint has: its own, the gateway's, and the broadcast address where there is one. */
export function reservedAddresses({ subnet, gateway }: PeersSubnet): ReadonlySet<string> {
  return new Set([formatAddress(firstOf(subnet)), gateway, ...(subnet.family === 4 ? [formatAddress(lastOf(subnet))] : [])]);
}
