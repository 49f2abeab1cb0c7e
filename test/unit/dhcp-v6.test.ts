import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Dhcp6Client } from '../../src/ipam/dhcp/client-v6.ts';
import { duidOf, iaidOf, linkLocalOf } from '../../src/ipam/dhcp/identity.ts';
import { grantOf } from '../../src/ipam/dhcp/lease-v6.ts';
import { decodeDhcp6, encodeDhcp6, encodeOptions, type Dhcp6Message } from '../../src/ipam/dhcp/message-v6.ts';
import { DHCP6_OPTION, DHCP6_TYPE } from '../../src/ipam/dhcp/protocol-v6.ts';
import type { SpeakerStep } from '../../src/ipam/dhcp/speaker.ts';

const ID = 'ab'.repeat(32);
const SERVER = Uint8Array.of(0, 1, 2, 3);
const MAC = '02:00:00:00:00:99';
const NAMES = Object.fromEntries(Object.entries(DHCP6_TYPE).map(([name, type]) => [type, name.toLowerCase()]));

const message: fc.Arbitrary<Dhcp6Message> = fc.record({
  type: fc.integer({ min: 0, max: 11 }),
  transaction: fc.nat(0xff_ffff),
  options: fc.dictionary(fc.nat(0xffff).map(String), fc.uint8Array({ maxLength: 300 }), { maxKeys: 6 }).map((given) => new Map(Object.entries(given).map(([code, value]) => [Number(code), value]))),
});

/** A server's message about 2001:db8::LAST; lifetimes in seconds. */
function answer(type: number, transaction: number, { last = 9, valid = 80, preferred = 40, status = 0 } = {}): Dhcp6Message {
  const address = Buffer.alloc(24);
  address.set(Buffer.from('20010db8', 'hex'));
  address[15] = last;
  address.writeUInt32BE(preferred, 16);
  address.writeUInt32BE(valid, 20);
  const inside = new Map([status === 0 ? [DHCP6_OPTION.ADDRESS, address] : [DHCP6_OPTION.STATUS, Uint8Array.of(0, status)]] as const);
  const options = new Map<number, Uint8Array>([
    [DHCP6_OPTION.CLIENT_ID, duidOf(ID)],
    [DHCP6_OPTION.SERVER_ID, SERVER],
    [DHCP6_OPTION.IA_NA, Buffer.concat([iaidOf(ID), Buffer.alloc(8), encodeOptions(inside)])],
  ]);
  return { type, transaction, options };
}

/** A client at a clock; every step in words. */
class Bench {
  now = 1_000_000;
  transaction = 0;
  readonly client: Dhcp6Client = new Dhcp6Client({ from: linkLocalOf('02:00:00:00:00:01'), duid: duidOf(ID), iaid: iaidOf(ID), hostname: 'web' }, () => 0.5);

  words(steps: readonly SpeakerStep<Dhcp6Message>[]): string {
    return steps
      .map((step) => {
        if (step.step === 'bound') return `bound ${step.lease.address}`;
        if (step.step === 'lost') return `lost ${step.lease.address} ${step.reason}`;
        if (step.step !== 'send') return step.step;
        this.transaction = step.message.transaction;
        return `${NAMES[step.message.type] ?? ''}${step.message.options.has(DHCP6_OPTION.SERVER_ID) ? ' of one' : ''}`;
      })
      .join(', ');
  }

  wait(): string {
    this.now = this.client.due ?? assert.fail('waits for nothing');
    return this.words(this.client.wake(this.now));
  }

  hear(type: number, given: Parameters<typeof answer>[2] = {}): string {
    return this.words(this.client.receive(answer(type, this.transaction, given), MAC, this.now));
  }

  bound(): this {
    assert.equal(this.words(this.client.start(this.now)), 'solicit');
    assert.equal(this.hear(DHCP6_TYPE.ADVERTISE), 'request of one');
    assert.equal(this.hear(DHCP6_TYPE.REPLY), 'bound 2001:db8::9/128');
    return this;
  }
}

describe('DHCPv6', () => {
  it('messages come out as they went in, and are never read beyond their end', () => {
    fc.assert(fc.property(message, fc.array(fc.tuple(fc.nat(900), fc.nat(255)), { maxLength: 8 }), fc.nat(900), (sent, changes, length) => {
      const bytes = encodeDhcp6(sent);
      const got = decodeDhcp6(bytes);
      assert.deepEqual([got?.type, got?.transaction, [...(got?.options ?? [])].map(([code, value]) => [code, [...value]])], [sent.type, sent.transaction, [...sent.options].map(([code, value]) => [code, [...value]])]);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const broken = decodeDhcp6(bytes.subarray(0, length));
      if (broken !== undefined) grantOf(broken, iaidOf(ID), 0);
    }), { numRuns: 500 });
  });

  it('gives an address: asked for, renewed at its server, then at any, and let go when its time is over', () => {
    const bench = new Bench().bound();
    assert.equal(bench.wait(), 'renew of one');
    assert.equal(bench.hear(DHCP6_TYPE.REPLY), 'bound 2001:db8::9/128');
    assert.deepEqual([bench.wait(), bench.wait()], ['renew of one', 'renew of one']);
    assert.equal(bench.wait(), 'rebind');
    let last = '';
    while (!last.startsWith('lost')) last = bench.wait();
    assert.equal(last, 'lost 2001:db8::9/128 expired, solicit');
  });

  it('takes an address back at once when the server says so', () => {
    for (const refusal of [{ valid: 0, preferred: 0 }, { status: 3 }]) {
      const bench = new Bench().bound();
      bench.wait();
      assert.equal(bench.hear(DHCP6_TYPE.REPLY, refusal), 'lost 2001:db8::9/128 refused, solicit');
    }
  });

  it('has no address to give, and is asked less and less often', () => {
    const bench = new Bench();
    bench.words(bench.client.start(bench.now));
    assert.equal(bench.hear(DHCP6_TYPE.ADVERTISE, { status: 2 }), '');
    const waits = Array.from({ length: 14 }, () => {
      const before = bench.now;
      assert.equal(bench.wait(), 'solicit');
      return (bench.now - before) / 1000;
    });
    assert.deepEqual([waits.slice(0, 4), waits.at(-1)], [[1, 2, 4, 8], 3600]);
  });

  it('is asked about a lease from before, and given it back at the end', () => {
    const first = new Bench().bound();
    const [released] = first.client.release(first.now);
    assert.ok(released?.step === 'send');
    assert.deepEqual([released.message.type, released.to, released.from], [DHCP6_TYPE.RELEASE, 'ff02::1:2', 'fe80::ff:fe00:1']);
    assert.equal(first.client.due, undefined);
  });

  it('gives no address that would do harm', () => {
    const { options } = answer(DHCP6_TYPE.REPLY, 1);
    for (const first of ['ff02', 'fe80', '0000']) {
      const association = Buffer.from(options.get(DHCP6_OPTION.IA_NA) ?? []);
      association.set(Buffer.from(first, 'hex'), 16);
      const harmful = new Map([...options, [DHCP6_OPTION.IA_NA, association]] as const);
      assert.equal(grantOf({ type: DHCP6_TYPE.REPLY, transaction: 1, options: harmful }, iaidOf(ID), 0), 'nothing', first);
    }
  });
});
