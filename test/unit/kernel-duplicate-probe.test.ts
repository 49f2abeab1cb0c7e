import assert from 'node:assert/strict';
import { announcement } from '../../src/kernel/announcement.ts';
import { claimantOf, duplicateProbe } from '../../src/kernel/duplicate-probe.ts';

const OURS = '02:00:00:00:00:01';
const THEIRS = '02:00:00:00:00:02';

describe('duplicate address probe', () => {
  it('asks for an IPv4 address as nobody (RFC 5227)', () => {
    assert.equal(
      duplicateProbe('10.0.0.5', OURS).toString('hex'),
      'ffffffffffff02000000000108060001080006040001020000000001000000000000000000000a000005',
    );
  });

  it('asks for an IPv6 address as nobody (RFC 4862), by the group of those with its last three bytes', () => {
    const frame = duplicateProbe('fd00::12:3456', OURS);
    assert.equal(frame.subarray(0, 14).toString('hex'), '3333ff12345602000000000186dd');
    assert.equal(frame.subarray(22, 38).toString('hex'), '0'.repeat(32));
    assert.equal(frame.subarray(38, 54).toString('hex'), 'ff0200000000000000000001ff123456');
    assert.equal(frame.subarray(54).toString('hex').replace(/^8700..../, '8700'), '870000000000fd000000000000000000000000123456');
  });

  for (const [address, other] of [['10.0.0.5', '10.0.0.6'], ['fd00::5', 'fd00::6']] as const) {
    it(`hears who has ${address}, and who asks for it at the same time`, () => {
      assert.equal(claimantOf(announcement(address, THEIRS), address, OURS), THEIRS);
      assert.equal(claimantOf(duplicateProbe(address, THEIRS), address, OURS), THEIRS);
    });

    it(`takes nothing else for a claim of ${address}`, () => {
      for (const frame of [announcement(other, THEIRS), duplicateProbe(other, THEIRS), announcement(address, OURS), duplicateProbe(address, OURS)]) {
        assert.equal(claimantOf(frame, address, OURS), undefined);
      }
      const claim = announcement(address, THEIRS);
      for (let length = 0; length < claim.length - 8; length += 1) claimantOf(claim.subarray(0, length), address, OURS);
    });
  }
});
