import { familyOf } from './address.ts';

/** Bytes before an inner frame: outer IP, UDP, VXLAN and the inner Ethernet header (RFC 7348 §5). */
const OVERHEAD = { 4: 50, 6: 70 } as const;

/** How many bytes less than its underlay's the MTU of a VXLAN network is. @param address of this host in the underlay */
export function vxlanOverhead(address: string): number {
  return OVERHEAD[familyOf(address)];
}
