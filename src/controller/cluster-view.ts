/** What a new network of a cluster is made with. Pure. */
import type { Directory } from '../cluster/directory.ts';
import type { Random } from './context.ts';

/** Numbers below are what people choose by hand, as in Docker. */
const FIRST_VNI = 4096;
const VNI_COUNT = 0xffffff - FIRST_VNI;

/** A VNI that no network of the cluster has. */
export function freeVni({ networks }: Directory, random: Random): number {
  const taken = new Set([...networks.values()].map(({ vni }) => vni));
  const [a = 0, b = 0, c = 0] = random(3);
  // Two hosts that choose at once hardly choose the same.
  let vni = FIRST_VNI + (((a << 16) | (b << 8) | c) % VNI_COUNT);
  while (taken.has(vni)) vni = vni === 0xffffff ? FIRST_VNI : vni + 1;
  return vni;
}
