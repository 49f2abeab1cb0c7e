import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { bitsOf, formatAddress, parseAddress } from '../../src/common/address.ts';
import type { Family } from '../../src/common/address.ts';
import { cidrAround, contains, containsCidr, firstOf, formatCidr, lastOf, overlaps, parseCidr, parseInterfaceAddress, sameCidr, sizeOf } from '../../src/common/cidr.ts';
import type { Cidr } from '../../src/common/cidr.ts';
import { cidrFromUser } from '../../src/common/cidr-from-user.ts';
import { refuses } from '../support/refusal.ts';

/** Blocks near each other often enough that they overlap: few random bits below one prefix. */
const cidr: fc.Arbitrary<Cidr> = fc
  .tuple(fc.constantFrom<Family>(4, 6), fc.bigInt(0n, 0xffn), fc.bigInt(0n, (1n << 120n) - 1n), fc.nat(128))
  .map(([family, top, low, length]) => {
    const bits = bitsOf(family);
    const value = (top << BigInt(bits - 8)) | (low & ((1n << BigInt(bits - 8)) - 1n));
    return cidrAround({ family, value }, Math.min(length, bits));
  });

function oracle(block: Cidr): Address4 | Address6 {
  return block.family === 4 ? new Address4(formatCidr(block)) : new Address6(formatCidr(block));
}

describe('cidr', () => {
  it('has the first and last address and the size that ip-address finds', () => {
    fc.assert(
      fc.property(cidr, (block) => {
        const other = oracle(block);
        assert.equal(firstOf(block).value, other.startAddress().bigInt());
        assert.equal(lastOf(block).value, other.endAddress().bigInt());
        assert.equal(sizeOf(block), lastOf(block).value - firstOf(block).value + 1n);
        assert.deepEqual(parseCidr(formatCidr(block)), block);
      }),
    );
  });

  it('contains and overlaps what ip-address says', () => {
    fc.assert(
      fc.property(cidr, cidr, (a, b) => {
        const within = a.family === b.family && oracle(b).isInSubnet(oracle(a));
        const around = a.family === b.family && oracle(a).isInSubnet(oracle(b));
        assert.equal(containsCidr(a, b), within);
        assert.equal(overlaps(a, b), within || around);
        assert.equal(overlaps(a, b), overlaps(b, a));
        assert.equal(contains(a, firstOf(b)), a.family === b.family && firstOf(b).value >= a.base && firstOf(b).value <= lastOf(a).value);
      }),
      { numRuns: 500 },
    );
  });

  it('overlap means a shared address, also for blocks made from one another', () => {
    fc.assert(
      fc.property(cidr, fc.nat(128), fc.nat(128), (block, shorter, longer) => {
        const outer = cidrAround(firstOf(block), Math.min(shorter, block.prefix));
        const inner = cidrAround(lastOf(block), Math.max(block.prefix, Math.min(longer, bitsOf(block.family))));
        assert.ok(overlaps(outer, inner) && containsCidr(outer, inner) && containsCidr(outer, block));
        assert.equal(containsCidr(inner, outer), sameCidr(inner, outer));
      }),
    );
  });

  it('refuses host bits and names the network that was meant', () => {
    refuses(() => parseCidr('10.0.0.1/24'), 'INVALID', /^'10\.0\.0\.1\/24' has host bits set; the network is 10\.0\.0\.0\/24$/);
    refuses(() => parseCidr('fd00::1/64'), 'INVALID', /the network is fd00::\/64/);
    assert.equal(formatCidr(parseCidr('10.0.0.1/24', { allowHostBits: true })), '10.0.0.0/24');
  });

  it('takes the longest and the shortest prefixes', () => {
    for (const text of ['0.0.0.0/0', '::/0', '10.0.0.1/32', '10.0.0.0/31', 'fd00::1/128', '255.255.255.255/32']) {
      assert.equal(formatCidr(parseCidr(text)), text);
    }
    assert.equal(formatAddress(lastOf(parseCidr('::/0'))), 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  });

  it('refuses what is no subnet and says how to write one', () => {
    refuses(() => parseCidr('10.0.0.0'), 'INVALID', /prefix length is missing/);
    refuses(() => parseCidr('10.0.0.0/33'), 'INVALID', /0 to 32/);
    refuses(() => parseCidr('::/129'), 'INVALID', /0 to 128/);
    for (const text of ['10.0.0.0/024', '10.0.0.0/-1', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/8.0', '10.0.0.0/255.0.0.0', '10.0.0.0/ 8']) {
      refuses(() => parseCidr(text), 'INVALID', /0 to 32/);
    }
    for (const text of ['10.0.0/24', '010.0.0.0/8', '0x0a000000/8', 'fe80::%eth0/64', '/24', 'x/24']) {
      refuses(() => parseCidr(text), 'INVALID', /10\.0\.0\.0\/24/);
    }
  });

  it('splits what an interface carries into address and network', () => {
    const { address, network } = parseInterfaceAddress('10.0.0.5/24');
    assert.equal(formatAddress(address), '10.0.0.5');
    assert.equal(formatCidr(network), '10.0.0.0/24');
  });

  it('does not take the IPv4 block of the same numbers for the IPv6 one', () => {
    assert.equal(contains(parseCidr('::/96'), parseAddress('10.0.0.1')), false);
    assert.equal(overlaps(parseCidr('0.0.0.0/0'), parseCidr('::/0')), false);
  });
});

describe('cidrFromUser', () => {
  it('takes every canonical subnet: ip-cidr never refuses what the strict parser takes', () => {
    fc.assert(fc.property(cidr, (block) => assert.deepEqual(cidrFromUser(` ${formatCidr(block)} `), block)));
  });

  it('calculates where ip-cidr is wrong', () => {
    const block = cidrFromUser('::ffff:10.0.0.0/120');
    assert.equal(sizeOf(block), 256n);
    assert.equal(formatCidr(block), '::ffff:10.0.0.0/120');
  });

  it('refuses what only ip-cidr takes', () => {
    refuses(() => cidrFromUser('fe80::%eth0/64'), 'INVALID');
    refuses(() => cidrFromUser('10.0.0.1/24'), 'INVALID', /the network is 10\.0\.0\.0\/24/);
  });

  it('refuses endless and hostile text at once, in one short line', () => {
    refuses(() => cidrFromUser(`${'1:'.repeat(100_000)}/64`), 'INVALID', /too long/);
    refuses(() => cidrFromUser('10.0.0.0/24\n; flush ruleset'), 'INVALID', /'10\.0\.0\.0\/24\\n; flush ruleset'/);
  });
});
