import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatV4 } from '../../src/common/address-v4.ts';
import { formatMac } from '../../src/common/mac.ts';
import { leaseOf } from '../../src/ipam/dhcp/lease.ts';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from '../../src/ipam/dhcp/message.ts';
import { readMask, readRoutes, readSearch } from '../../src/ipam/dhcp/option-values.ts';

const address = fc.nat(0xffffffff).map(formatV4);
const options = fc.dictionary(fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52).map(String), fc.uint8Array({ maxLength: 600 }), { maxKeys: 8 });

const message: fc.Arbitrary<DhcpMessage> = fc.record({
  from: fc.constantFrom('client' as const, 'server' as const),
  transaction: fc.nat(0xffffffff),
  seconds: fc.nat(0xffff),
  broadcast: fc.boolean(),
  clientAddress: address,
  yourAddress: address,
  mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(formatMac),
  options: options.map((given) => new Map(Object.entries(given).map(([code, value]) => [Number(code), value]))),
});

/** A server's answer with options and nothing else of interest. */
function ack(given: readonly (readonly [number, readonly number[]])[]): DhcpMessage {
  const both = new Map([...given].map(([code, value]) => [code, Uint8Array.from(value)]));
  return { from: 'server', transaction: 1, seconds: 0, broadcast: false, clientAddress: '0.0.0.0', yourAddress: '192.0.2.9', mac: '02:00:00:00:00:01', options: both };
}

const SERVER = [54, [192, 0, 2, 1]] as const;
const MAC = '02:00:00:00:00:99';

describe('DHCP messages', () => {
  it('come out as they went in, with options of any length', () => {
    fc.assert(fc.property(message, (sent) => {
      const got = decodeDhcp(encodeDhcp(sent));
      assert.deepEqual({ ...got, options: [...(got?.options ?? [])].toSorted().map(([code, value]) => [code, [...value]]) }, { ...sent, options: [...sent.options].toSorted().map(([code, value]) => [code, [...value]]) });
    }));
  });

  it('are never read beyond their end, whatever they hold', () => {
    fc.assert(fc.property(message, fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 12 }), fc.nat(700), (sent, changes, length) => {
      const bytes = encodeDhcp(sent);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const got = decodeDhcp(bytes.subarray(0, length));
      if (got !== undefined) leaseOf(got, 0, MAC);
    }), { numRuns: 1000 });
  });

  it('have the options that overflowed into the fields of file and server name (RFC 2132 §9.3)', () => {
    const bytes = Buffer.from(encodeDhcp(ack([[52, [3]], [12, [0x61]]])));
    bytes.set([12, 1, 0x62, 255], 108);
    bytes.set([15, 1, 0x63, 255], 44);
    const { options: got } = decodeDhcp(bytes) ?? assert.fail('not read');
    assert.equal(Buffer.from(got.get(12) ?? []).toString(), 'ab');
    assert.equal(Buffer.from(got.get(15) ?? []).toString(), 'c');
  });
});

describe('What a DHCP server says', () => {
  it('becomes a lease, with the times of RFC 2131 where it says none', () => {
    const lease = leaseOf(ack([SERVER, [51, [0, 0, 0, 80]], [1, [255, 255, 255, 192]], [3, [192, 0, 2, 2]], [6, [192, 0, 2, 3, 192, 0, 2, 4]], [26, [5, 120]], [15, [...Buffer.from('lab.example\0')]]]), 1000, MAC);
    assert.deepEqual(lease, {
      address: '192.0.2.9/26', server: '192.0.2.1', serverMac: MAC, renew: 41_000, rebind: 71_000, expires: 81_000,
      routes: [{ destination: '0.0.0.0/0', gateway: '192.0.2.2' }], mtu: 1400, dns: ['192.0.2.3', '192.0.2.4'], search: ['lab.example'],
    });
  });

  it('is no lease without server or time', () => {
    assert.equal(leaseOf(ack([SERVER]), 0, MAC), undefined);
    assert.equal(leaseOf(ack([[51, [0, 0, 0, 80]]]), 0, MAC), undefined);
    assert.equal(leaseOf({ ...ack([SERVER, [51, [0, 0, 0, 80]]]), yourAddress: '224.0.0.1' }, 0, MAC), undefined);
  });

  it('is no lease for an address that is nobody\'s, and no neighbours are had in the whole world', () => {
    const given = (yourAddress: string, mask: readonly number[]): string | undefined => leaseOf({ ...ack([SERVER, [51, [0, 0, 0, 80]], [1, mask]]), yourAddress }, 0, MAC)?.address;
    assert.equal(given('192.0.2.255', [255, 255, 255, 0]), undefined);
    assert.equal(given('192.0.2.64', [255, 255, 255, 192]), undefined);
    assert.equal(given('192.0.2.255', [255, 255, 254, 0]), '192.0.2.255/23');
    assert.equal(given('192.0.2.64', [255, 255, 255, 254]), '192.0.2.64/31');
    assert.equal(given('192.0.2.9', [0, 0, 0, 0]), '192.0.2.9/24');
  });

  it('is left out where it would do harm', () => {
    const lease = leaseOf(ack([SERVER, [51, [0, 0, 0, 80]], [58, [0, 0, 1, 0]], [59, [0, 0, 0, 0]], [26, [0, 68]], [3, [127, 0, 0, 1]], [15, [...Buffer.from('evil\nnameserver 203.0.113.1')]]]), 0, MAC);
    assert.deepEqual([lease?.renew, lease?.rebind, lease?.mtu, lease?.routes, lease?.search], [40_000, 70_000, undefined, [], ['evil', 'nameserver', '203.0.113.1']]);
    const spaced = leaseOf(ack([SERVER, [51, [0, 0, 0, 80]], [15, [...Buffer.from('a;b #c')]]]), 0, MAC);
    assert.deepEqual(spaced?.search, []);
  });

  it('about classless routes silences the router option (RFC 3442)', () => {
    const lease = leaseOf(ack([SERVER, [51, [0, 0, 0, 80]], [3, [192, 0, 2, 2]], [121, [24, 10, 9, 8, 192, 0, 2, 5, 0, 192, 0, 2, 6, 32, 198, 51, 100, 1, 0, 0, 0, 0]]]), 0, MAC);
    assert.deepEqual(lease?.routes, [
      { destination: '10.9.8.0/24', gateway: '192.0.2.5' },
      { destination: '0.0.0.0/0', gateway: '192.0.2.6' },
      { destination: '198.51.100.1/32' },
    ]);
    assert.deepEqual(readRoutes(Uint8Array.of(33, 1, 2, 3, 4, 5, 1, 2, 3, 4)), []);
  });

  it('about search domains may point back (RFC 3397)', () => {
    const value = Uint8Array.from([...Buffer.from('\x03lab\x07example\0'), ...Buffer.from('\x04west'), 0xc0, 4]);
    assert.deepEqual(readSearch(value), ['lab.example', 'west.example']);
    assert.deepEqual(readSearch(Uint8Array.of(0xc0, 0)), []);
  });

  it('about its mask has no holes', () => {
    assert.deepEqual([[255, 255, 255, 0], [0, 0, 0, 0], [255, 255, 255, 255], [255, 0, 255, 0]].map((mask) => readMask(Uint8Array.from(mask))), [24, 0, 32, undefined]);
  });
});
