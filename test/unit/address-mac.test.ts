import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { formatMac, macFromUser, parseMac, randomMac, stableMac } from '../../src/common/mac.ts';
import { refuses } from '../support/refusal.ts';

const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 });

/** Unicast and locally administered. */
function isLocalUnicast(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 0b11) === 0b10;
}

describe('mac', () => {
  it('reads back what it writes, with colons or dashes, in any case', () => {
    fc.assert(
      fc.property(bytes, (mac) => {
        const text = formatMac(mac);
        assert.match(text, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
        for (const form of [text, text.toUpperCase(), text.replaceAll(':', '-')]) assert.deepEqual(parseMac(form), mac);
      }),
    );
  });

  it('refuses other forms', () => {
    for (const text of ['', '02:42:ac:11:00', '02:42:ac:11:00:02:03', '2:42:ac:11:0:2', '0242.ac11.0002', '02:42-ac:11:00:02', '02:42:ac:11:00:0g', '02:42:ac:11:00:02\n']) {
      refuses(() => parseMac(text), 'INVALID', /six hex pairs/);
    }
  });

  it('gives a user only what the kernel takes for an interface', () => {
    assert.equal(macFromUser('02-42-AC-11-00-02'), '02:42:ac:11:00:02');
    refuses(() => macFromUser('01:00:5e:00:00:01'), 'INVALID', /multicast/);
    refuses(() => macFromUser('ff:ff:ff:ff:ff:ff'), 'INVALID', /multicast/);
    refuses(() => macFromUser('00:00:00:00:00:00'), 'INVALID', /all zero/);
  });

  it('makes random addresses that collide with no vendor and no group', () => {
    fc.assert(fc.property(bytes, (random) => isLocalUnicast(randomMac(() => random))));
    assert.equal(randomMac(() => Uint8Array.of(0xff, 1, 2, 3, 4, 5)), 'fe:01:02:03:04:05');
    assert.notEqual(randomMac(), randomMac());
  });

  it('makes the same address of the same seed, on every machine and release', () => {
    assert.equal(stableMac('endpoint 1'), stableMac('endpoint 1'));
    assert.notEqual(stableMac('endpoint 1'), stableMac('endpoint 2'));
    fc.assert(fc.property(fc.string(), (seed) => isLocalUnicast(stableMac(seed))));
    // sha256('') starts e3:b0:c4:42:98:fc; the group bit is cleared, the local bit set already.
    assert.equal(stableMac(''), 'e2:b0:c4:42:98:fc');
  });
});
