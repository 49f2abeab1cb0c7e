/** Which parts of a subnet hosts take for themselves. Pure. */
import { bitsOf } from '../common/address.ts';
import { containsCidr, overlaps, sizeOf, type Cidr } from '../common/cidr.ts';

/** Bits by which blocks are at least longer than their subnet: sixteen hosts find one each. */
const SHARES = 4;
/** Prefix lengths, at least and at most: 64 addresses of a large IPv4 subnet, 256 of an IPv6 one; 4 of a small one. */
const SHORTEST = { 4: 26, 6: 120 } as const;
const LONGEST = { 4: 30, 6: 126 } as const;

/** Prefix length of the blocks of a subnet. */
function blockLength({ family, prefix }: Cidr): number {
  return Math.max(prefix, Math.min(LONGEST[family], Math.max(SHORTEST[family], prefix + SHARES)));
}

/**
 * The first block of a subnet that nobody has; undefined when all are taken.
 * @param range automatic addresses come from this part of the subnet only
 */
export function freeBlock(subnet: Cidr, taken: readonly Cidr[], range: Cidr = subnet): Cidr | undefined {
  const prefix = Math.max(blockLength(subnet), range.prefix);
  const step = sizeOf({ ...subnet, prefix });
  const end = range.base + sizeOf(range);
  for (let base = range.base; base < end; base += step) {
    const block: Cidr = { family: subnet.family, base, prefix };
    const other = taken.find((one) => overlaps(one, block));
    if (other === undefined) return block;
    // What is taken may be larger than what would be taken now.
    if (containsCidr(other, block) && other.prefix < prefix) base = other.base + sizeOf(other) - step;
  }
  return undefined;
}

/** The block of a subnet in which an address lies. */
export function blockAround(subnet: Cidr, value: bigint): Cidr {
  const prefix = blockLength(subnet);
  const hostBits = BigInt(bitsOf(subnet.family) - prefix);
  return { family: subnet.family, base: (value >> hostBits) << hostBits, prefix };
}
