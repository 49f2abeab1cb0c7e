import assert from 'node:assert/strict';
import { announcement } from '../../src/kernel/announcement.ts';
import { refuses } from '../support/refusal.ts';

describe('announcement', () => {
  it('is an ARP request to everybody with the address as sender and target (RFC 5227 §3)', () => {
    assert.equal(
      announcement('172.18.0.2', '02:42:AC:12:00:02').toString('hex'),
      'ffffffffffff0242ac120002080600010800060400010242ac120002ac120002000000000000ac120002',
    );
  });

  it('is a neighbour advertisement with override, hop limit 255 and a right checksum (RFC 4861 §7.2.6)', () => {
    const frame = announcement('fd00::2', '02:42:ac:12:00:02');
    assert.equal(frame.subarray(0, 14).toString('hex'), '3333000000010242ac12000286dd');
    const header = frame.subarray(14, 54);
    const message = frame.subarray(54);
    assert.equal(header.toString('hex'), '6000000000203afffd000000000000000000000000000002ff020000000000000000000000000001');
    assert.equal(message.subarray(0, 2).toString('hex') + message.subarray(4).toString('hex'), '880020000000fd00000000000000000000000000000202010242ac120002');
    // A receiver adds everything up, the checksum included, and wants all ones (RFC 1071).
    const pseudo = Buffer.concat([header.subarray(8), Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58]), message]);
    let sum = 0;
    for (let i = 0; i < pseudo.length; i += 2) sum += pseudo.readUInt16BE(i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    assert.equal(sum, 0xffff);
  });

  it('refuses what is no address or no MAC', () => {
    refuses(() => announcement('10.0.0.1/24', '02:42:ac:12:00:02'), 'INVALID', /10\.0\.0\.1\/24/);
    refuses(() => announcement('10.0.0.1', '02:42:ac:12:00'), 'INVALID', /02:42:ac:12:00/);
  });
});
