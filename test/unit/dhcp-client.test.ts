import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DhcpClient, type ClientTraits } from '../../src/ipam/dhcp/client.ts';
import { clientIdOf } from '../../src/ipam/dhcp/identity.ts';
import type { DhcpLease } from '../../src/ipam/dhcp/lease.ts';
import type { DhcpMessage } from '../../src/ipam/dhcp/message.ts';
import type { SpeakerStep } from '../../src/ipam/dhcp/speaker.ts';

const MAC = '02:00:00:00:00:01';
const SERVER_MAC = '02:00:00:00:00:99';
const CLIENT_ID = clientIdOf('ab'.repeat(32));
const TRAITS: ClientTraits = { mac: MAC, clientId: CLIENT_ID, hostname: 'web' };
const NAMES = ['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release'];

/** A client at a clock, and what it did. */
class Bench {
  now = 1_000_000;
  readonly client: DhcpClient;
  steps: readonly SpeakerStep<DhcpMessage>[] = [];

  constructor(traits: Partial<ClientTraits> = {}) {
    this.client = new DhcpClient({ ...TRAITS, ...traits }, () => 0.5);
  }

  start(lease?: DhcpLease): this {
    this.steps = this.client.start(this.now, lease);
    return this;
  }

  /** Goes on to when it is due. */
  wait(): this {
    this.now = Math.max(this.now, this.client.due ?? assert.fail('waits for nothing'));
    this.steps = this.client.wake(this.now);
    return this;
  }

  /** The server answers what was sent last. */
  answer(type: 'offer' | 'ack' | 'nak', parts: { readonly address?: string; readonly seconds?: number; readonly server?: number; readonly transaction?: number } = {}): this {
    const { address = '192.0.2.9', seconds = 80, server = 1 } = parts;
    const options = new Map([[53, Uint8Array.of(NAMES.indexOf(type))], [54, Uint8Array.of(192, 0, 2, server)], [51, Uint8Array.of(0, 0, 0, seconds)], [1, Uint8Array.of(255, 255, 255, 0)]]);
    const message: DhcpMessage = { from: 'server', transaction: parts.transaction ?? this.#transaction, seconds: 0, broadcast: true, clientAddress: '0.0.0.0', yourAddress: address, mac: MAC, options };
    this.steps = this.client.receive(message, SERVER_MAC, this.now);
    return this;
  }

  #transaction = 0;

  /** What was done, in words. */
  get words(): string[] {
    return this.steps.map((step) => {
      if (step.step === 'bound') return `bound ${step.lease.address}`;
      if (step.step === 'lost') return `lost ${step.lease.address} ${step.reason}`;
      if (step.step === 'other-offered') return `other ${step.address} of ${step.server}`;
      this.#transaction = step.message.transaction;
      const { options, clientAddress } = step.message;
      const text = (code: number): string => [...(options.get(code) ?? [])].join('.');
      const said = [[' asks for ', text(50)], [' of ', text(54)], [' has ', clientAddress === '0.0.0.0' ? '' : clientAddress]].map(([word, value]) => (value === '' ? '' : `${word}${value}`)).join('');
      return `${NAMES[options.get(53)?.[0] ?? 0]}${said} to ${step.to}`;
    });
  }

  /** Does something and says what came of it. */
  saw(...words: readonly string[]): this {
    assert.deepEqual(this.words, words);
    return this;
  }
}

function bound(traits: Partial<ClientTraits> = {}): Bench {
  const bench = new Bench(traits).start();
  assert.equal(bench.words.length, 1);
  bench.answer('offer');
  assert.equal(bench.words.length, 1);
  return bench.answer('ack').saw('bound 192.0.2.9/24');
}

const DISCOVER = 'discover to 255.255.255.255';

describe('A DHCP client', () => {
  it('asks everybody, takes an offer, and has the address when the server agrees', () => {
    const bench = new Bench().start().saw(DISCOVER);
    const [sent] = bench.steps;
    assert.ok(sent?.step === 'send' && sent.message.broadcast);
    assert.deepEqual([Buffer.from(sent.message.options.get(12) ?? []).toString(), sent.message.options.get(61)], ['web', CLIENT_ID]);
    bench.answer('offer').saw('request asks for 192.0.2.9 of 192.0.2.1 to 255.255.255.255');
    bench.answer('ack').saw('bound 192.0.2.9/24');
    assert.equal(bench.client.due, bench.now + 40_000);
  });

  it('asks again and again, less and less often, while nobody answers', () => {
    const bench = new Bench().start();
    const waits = Array.from({ length: 9 }, () => {
      const before = bench.now;
      bench.wait().saw(DISCOVER);
      return bench.now - before;
    });
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000]);
  });

  it('renews at its server, then at any, and goes on having the address', () => {
    const bench = bound();
    bench.wait().saw('request has 192.0.2.9 to 192.0.2.1').answer('ack').saw('bound 192.0.2.9/24');
    assert.equal(bench.client.due, bench.now + 40_000);
    bench.wait().saw('request has 192.0.2.9 to 192.0.2.1').wait().saw('request has 192.0.2.9 to 255.255.255.255');
    bench.answer('ack', { server: 2 }).saw('bound 192.0.2.9/24').wait().saw('request has 192.0.2.9 to 192.0.2.2');
  });

  it('lets the address go when its time is over, and asks for it again', () => {
    const bench = bound();
    const end = bench.now + 80_000;
    bench.wait().wait().wait().saw('lost 192.0.2.9/24 expired', 'discover asks for 192.0.2.9 to 255.255.255.255');
    assert.equal(bench.now, end);
  });

  it('lets the address go at once when the server says so, and begins afresh', () => {
    bound().wait().saw('request has 192.0.2.9 to 192.0.2.1').answer('nak').saw('lost 192.0.2.9/24 refused', DISCOVER);
  });

  it('waits longer and longer for a server that refuses what it offers', () => {
    const bench = new Bench().start().saw(DISCOVER);
    bench.answer('offer').saw('request asks for 192.0.2.9 of 192.0.2.1 to 255.255.255.255').answer('nak').saw(DISCOVER);
    const waits = Array.from({ length: 3 }, () => {
      assert.equal(bench.answer('offer').words.length, 1);
      const before = bench.answer('nak').saw().now;
      return bench.wait().saw(DISCOVER).now - before;
    });
    assert.deepEqual(waits, [4000, 8000, 16_000]);
  });

  it('asks whether a lease from before counts still, and keeps it when nobody answers', () => {
    const before = bound();
    const lease = before.client.release(before.now).length === 1 ? leaseFrom() : assert.fail('not released');
    const bench = new Bench().start(lease).saw('request asks for 192.0.2.9 to 255.255.255.255');
    bench.wait().wait().wait().saw('request asks for 192.0.2.9 to 255.255.255.255').wait().saw();
    assert.equal(bench.client.isAsking, false);
    bench.wait().saw('request has 192.0.2.9 to 192.0.2.1').answer('ack').saw('bound 192.0.2.9/24');
    new Bench().start(lease).saw('request asks for 192.0.2.9 to 255.255.255.255').answer('nak').saw('lost 192.0.2.9/24 refused', DISCOVER);
    new Bench().start({ ...lease, expires: 1_000_000 }).saw('lost 192.0.2.9/24 expired', 'discover asks for 192.0.2.9 to 255.255.255.255');
  });

  it('takes no other address than the wanted one, and says who offers which', () => {
    const bench = new Bench({ wanted: '192.0.2.50' }).start().saw('discover asks for 192.0.2.50 to 255.255.255.255');
    bench.answer('offer').saw().wait().saw('other 192.0.2.9 of 192.0.2.1', 'discover asks for 192.0.2.50 to 255.255.255.255');
    bench.answer('offer', { address: '192.0.2.50' }).saw('request asks for 192.0.2.50 of 192.0.2.1 to 255.255.255.255');
  });

  it('takes no other when it renews either', () => {
    const bench = bound({ wanted: '192.0.2.9' }).wait();
    assert.equal(bench.words.length, 1);
    bench.answer('ack', { address: '192.0.2.77' }).saw('lost 192.0.2.9/24 refused', 'discover asks for 192.0.2.9 to 255.255.255.255');
  });

  it('from a place that will not have the address always tells everybody', () => {
    bound({ apart: true }).wait().saw('request asks for 192.0.2.9 to 255.255.255.255').answer('ack').saw('bound 192.0.2.9/24');
  });

  it('gives the address back to its server, once', () => {
    const { client, now } = bound();
    const [step] = client.release(now);
    assert.ok(step?.step === 'send');
    assert.deepEqual([step.from, step.to, step.mac, step.message.options.get(53)?.[0], step.message.clientAddress], ['192.0.2.9', '192.0.2.1', SERVER_MAC, 7, '192.0.2.9']);
    assert.deepEqual([client.release(now), client.due], [[], undefined]);
  });

  it('tells the server that somebody else has the address, and asks later', () => {
    const bench = bound();
    bench.steps = bench.client.decline(bench.now);
    bench.saw('decline asks for 192.0.2.9 of 192.0.2.1 to 255.255.255.255');
    bench.wait().saw(DISCOVER);
  });

  it('heeds no answer to another, and none that it did not ask for', () => {
    new Bench().start().answer('offer', { transaction: 7 }).saw().answer('ack').saw();
    bound().answer('nak').saw();
  });

  it('has a lease only inside its time, and is always due again, whatever comes when', () => {
    const events = fc.array(fc.oneof(fc.constant('wait' as const), fc.record({ type: fc.constantFrom('offer' as const, 'ack' as const, 'nak' as const), server: fc.integer({ min: 1, max: 2 }), seconds: fc.nat(200), last: fc.integer({ min: 9, max: 10 }) })), { maxLength: 40 });
    fc.assert(fc.property(events, (list) => {
      const bench = new Bench().start();
      let lease: DhcpLease | undefined;
      for (const event of list) {
        void bench.words;
        if (event === 'wait') bench.wait();
        else bench.answer(event.type, { ...event, address: `192.0.2.${event.last}` });
        for (const step of bench.steps) {
          if (step.step === 'bound') lease = step.lease;
          if (step.step === 'lost') {
            assert.equal(step.lease.address, lease?.address);
            lease = undefined;
          }
        }
        if (lease !== undefined) assert.ok(bench.now < lease.expires);
        assert.ok(bench.client.due !== undefined && bench.client.due > bench.now - 1);
      }
    }));
  });
});

function leaseFrom(): DhcpLease {
  const bench = new Bench().start();
  void bench.words;
  bench.answer('offer');
  void bench.words;
  const [step] = bench.answer('ack').steps;
  return step?.step === 'bound' ? step.lease : assert.fail('not bound');
}
