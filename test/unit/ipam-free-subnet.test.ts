import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { cidrAround, formatCidr, overlaps, parseCidr } from '../../src/common/cidr.ts';
import type { Cidr } from '../../src/common/cidr.ts';
import { freeSubnet } from '../../src/ipam/free-subnet.ts';

const BASE = parseCidr('10.0.0.0/24');

/** Blocks around the base: inside it, beside it, and larger than it. */
const block: fc.Arbitrary<Cidr> = fc
  .tuple(fc.bigInt(-0x100n, 0x1ffn), fc.integer({ min: 20, max: 32 }))
  .map(([offset, prefix]) => cidrAround({ family: 4, value: BASE.base + offset }, prefix));

describe('freeSubnet', () => {
  it('finds the lowest that looking at each one finds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 32 }), fc.array(block, { maxLength: 30 }), (prefix, mixed) => {
        // A block that covers the base would make most cases alike.
        const taken = mixed.filter((one) => one.prefix > 24);
        const size = 2 ** (32 - prefix);
        const candidates = Array.from({ length: 256 / size }, (_, at): Cidr => ({ family: 4, base: BASE.base + BigInt(at * size), prefix }));
        for (const blocks of [taken, mixed]) {
          assert.deepEqual(freeSubnet(BASE, prefix, blocks), candidates.find((one) => !blocks.some((other) => overlaps(one, other))));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('finds none that is larger than the base or than an address', () => {
    assert.equal(freeSubnet(BASE, 23, []), undefined);
    assert.equal(freeSubnet(BASE, 33, []), undefined);
  });

  it('looks at what is taken, not at every candidate', () => {
    const start = performance.now();
    const last = freeSubnet(parseCidr('fd00::/8'), 128, [parseCidr('fd00::/9'), parseCidr('fd80::/64')]);
    assert.equal(last && formatCidr(last), 'fd80:0:0:1::/128');
    assert.ok(performance.now() - start < 50);
  });
});
