import { bitsOf } from '../common/address.ts';
import { lastOf, sizeOf } from '../common/cidr.ts';
import type { Cidr } from '../common/cidr.ts';

/**
 * The lowest subnet of the given prefix length inside `base` that overlaps none of `taken`;
 * undefined when there is none. Takes O(n log n) of the taken ones, however large the base.
 */
export function freeSubnet(base: Cidr, prefix: number, taken: readonly Cidr[]): Cidr | undefined {
  if (prefix < base.prefix || prefix > bitsOf(base.family)) return undefined;
  const size = 1n << BigInt(bitsOf(base.family) - prefix);
  const end = base.base + sizeOf(base);
  const blocks = taken.filter((block) => block.family === base.family).toSorted((a, b) => (a.base < b.base ? -1 : 1));
  let start = base.base;
  for (const block of blocks) {
    if (block.base >= start + size) break;
    const last = lastOf(block).value;
    // A block that ends below start was passed already; else go to the next boundary after it.
    if (last >= start) start = ((last + size) / size) * size;
  }
  return start + size <= end ? { family: base.family, base: start, prefix } : undefined;
}
