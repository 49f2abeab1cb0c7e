import type { SharedEndpoint } from '../cluster/records.ts';
import { parseAddress } from '../common/address.ts';
import { contains, parseCidr } from '../common/cidr.ts';
import type { NetworkRecord } from './records.ts';
import { plainAddresses } from './services.ts';

/**
 * Tells which endpoints a network can have, of those that stand in the shared store: others wrote them, and the gateway, or an address
 * of another network, is not theirs to take.
 */
export function fittingEndpoint({ ipv4, ipv6 }: Pick<NetworkRecord, 'ipv4' | 'ipv6'>): (endpoint: SharedEndpoint) => boolean {
  const subnets = [...ipv4, ...ipv6].map(({ subnet, gateway }) => ({ cidr: parseCidr(subnet), gateway }));
  return (endpoint) =>
    plainAddresses(endpoint).every((text) => {
      const address = parseAddress(text);
      return subnets.some(({ cidr, gateway }) => gateway !== text && contains(cidr, address));
    });
}
