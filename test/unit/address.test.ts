import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { canonicalAddress, compareAddresses, familyOf, formatAddress, parseAddress, sameAddress, tryParseAddress } from '../../src/common/address.ts';
import type { Address } from '../../src/common/address.ts';
import { isLinkLocal, isLoopback, isMapped, isMulticast, isUnspecified } from '../../src/common/address-scope.ts';
import { refuses } from '../support/refusal.ts';

const v4: fc.Arbitrary<Address> = fc.bigInt(0n, (1n << 32n) - 1n).map((value) => ({ family: 4, value }));

/** Groups, so that runs of zeros are common. */
const v6: fc.Arbitrary<Address> = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn), fc.constant(0xffffn)), { minLength: 8, maxLength: 8 })
  .map((groups) => ({ family: 6, value: groups.reduce((value, group) => (value << 16n) | group, 0n) }));

/** Texts that are addresses now and then, and nearly addresses mostly. */
const nearly = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.:.'), maxLength: 20 }),
  fc.array(fc.constantFrom('0', '00', '1', '10', '255', '256', 'a', '', '0x1', '01'), { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
  fc.array(fc.constantFrom('0', '', '0', '1', 'ffff', '0db8', '10000', '1.2.3.4', 'g'), { minLength: 2, maxLength: 10 }).map((parts) => parts.join(':')),
);

function inside(test: (address: Address) => boolean, ...texts: string[]): boolean[] {
  return texts.map((text) => test(parseAddress(text)));
}

describe('address', () => {
  it('reads and writes IPv4 as ip-address does', () => {
    fc.assert(
      fc.property(v4, (address) => {
        const text = Address4.fromBigInt(address.value).correctForm();
        assert.equal(formatAddress(address), text);
        assert.deepEqual(parseAddress(text), address);
      }),
    );
  });

  it('writes IPv6 as ip-address does, and mapped addresses with dots', () => {
    fc.assert(
      fc.property(v6, (address) => {
        const oracle = Address6.fromBigInt(address.value);
        const mapped = address.value >> 32n === 0xffffn;
        assert.equal(formatAddress(address), mapped ? `::ffff:${Address4.fromBigInt(address.value & 0xffff_ffffn).address}` : oracle.correctForm());
      }),
      { numRuns: 500 },
    );
  });

  it('reads every form of an IPv6 address', () => {
    fc.assert(
      fc.property(v6, (address) => {
        const oracle = Address6.fromBigInt(address.value);
        for (const text of [oracle.canonicalForm(), oracle.correctForm(), oracle.correctForm().toUpperCase(), oracle.to4in6(), formatAddress(address)]) {
          assert.deepEqual(parseAddress(text), address, text);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes exactly what node and ip-address take for an address', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        const family = tryParseAddress(text)?.family;
        assert.equal(family === 4, isIPv4(text), text);
        assert.equal(family === 6, isIPv6(text), text);
        assert.equal(family === 4, Address4.isValid(text), text);
        assert.equal(family === 6, Address6.isValid(text), text);
      }),
      { numRuns: 5000 },
    );
  });

  it('prints the canonical text', () => {
    assert.equal(canonicalAddress('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
    assert.equal(canonicalAddress('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
    assert.equal(canonicalAddress('0:0:0:0:0:0:0:0'), '::');
    assert.equal(canonicalAddress('::ffff:0a00:0001'), '::ffff:10.0.0.1');
    assert.equal(canonicalAddress('::10.0.0.1'), '::a00:1');
  });

  it('says what is wrong with a text that is no address', () => {
    refuses(() => parseAddress(''), 'INVALID', /''.*empty/);
    refuses(() => parseAddress('010.0.0.1'), 'INVALID', /'010\.0\.0\.1'.*leading zero/);
    refuses(() => parseAddress('10.0.0.256'), 'INVALID', /0 to 255/);
    refuses(() => parseAddress('10.0.0.1/24'), 'INVALID', /prefix length/);
    refuses(() => parseAddress('fe80::1%eth0'), 'INVALID', /scope id/);
    for (const text of ['0x0a000001', '167772161', '10.1', 'localhost', ' 10.0.0.1', '10.0.0.1\n', '1:2:3:4:5:6:7:8::', ':::', '1::2::3', '::1.2.3']) {
      refuses(() => parseAddress(text), 'INVALID', /192\.0\.2\.1/);
    }
  });

  it('tells the family, also of a text with a prefix length', () => {
    assert.equal(familyOf('10.0.0.1/24'), 4);
    assert.equal(familyOf('::1'), 6);
    refuses(() => familyOf('/24'), 'INVALID');
  });

  it('compares by family, then by value', () => {
    const texts = ['::1', '10.0.0.10', '10.0.0.9', '::'];
    const sorted = texts.map(parseAddress).toSorted(compareAddresses).map(formatAddress);
    assert.deepEqual(sorted, ['10.0.0.9', '10.0.0.10', '::', '::1']);
    assert.equal(sameAddress(parseAddress('0.0.0.1'), parseAddress('::1')), false);
    assert.equal(sameAddress(parseAddress('::1'), parseAddress('0:0::1')), true);
  });

  it('knows the special blocks at their borders', () => {
    assert.deepEqual(inside(isLinkLocal, '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'), [false, true, true, false]);
    assert.deepEqual(inside(isLinkLocal, 'fe7f::', 'fe80::', 'febf:ffff::', 'fec0::'), [false, true, true, false]);
    assert.deepEqual(inside(isMulticast, '223.255.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0'), [false, true, true, false]);
    assert.deepEqual(inside(isMulticast, 'feff::', 'ff00::', 'ffff::'), [false, true, true]);
    assert.deepEqual(inside(isLoopback, '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'), [false, true, true, false]);
    assert.deepEqual(inside(isLoopback, '::', '::1', '::2', '::127.0.0.1'), [false, true, false, false]);
    assert.deepEqual(inside(isUnspecified, '0.0.0.0', '::', '0.0.0.1'), [true, true, false]);
    assert.deepEqual(inside(isMapped, '::ffff:1.2.3.4', '::fffe:1.2.3.4', '1.2.3.4'), [true, false, false]);
  });
});
