/** What a new network of a cluster is made with. Pure. */
import type { Directory } from '../cluster/directory.ts';
import { familyOf } from '../common/address.ts';
import type { Random } from './context.ts';

/** Bytes before an inner frame: outer IP, UDP, VXLAN and the inner Ethernet header (RFC 7348 §5). */
const OVERHEAD = { 4: 50, 6: 70 } as const;
/** Numbers below are what people choose by hand, as in Docker. */
const FIRST_VNI = 4096;
const VNI_COUNT = 0xffffff - FIRST_VNI;

/** How many bytes less than its underlay's an overlay's MTU is. @param address of this host in the underlay */
export function overheadOf(address: string): number {
  return OVERHEAD[familyOf(address)];
}

/** A VNI that no network of the cluster has. */
export function freeVni({ networks }: Directory, random: Random): number {
  const taken = new Set([...networks.values()].map(({ vni }) => vni));
  const [a = 0, b = 0, c = 0] = random(3);
  // Two hosts that choose at once hardly choose the same.
  let vni = FIRST_VNI + (((a << 16) | (b << 8) | c) % VNI_COUNT);
  while (taken.has(vni)) vni = vni === 0xffffff ? FIRST_VNI : vni + 1;
  return vni;
}
