import { stableMac } from '../common/mac.ts';

/** The MAC address of whoever has an address (CIDR) of a network of the cluster. */
export function spanningMac(networkId: string, { ipv4, ipv6 }: { readonly ipv4?: string; readonly ipv6?: string }): string {
  return stableMac(`${networkId} ${ipv4 ?? ipv6 ?? ''}`);
}
