import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import type { Answer } from 'dns-packet';
import { decodeReply, encodeQuestion } from '../../src/dns/query-message.ts';
import { ask, directoryOf, put } from '../support/dns-questions.ts';
import { refuses } from '../support/refusal.ts';

/** What dns-packet reads in a question. */
function asked(name: string, type?: string): unknown {
  const packet = decode(Buffer.from(encodeQuestion(77, name, type)));
  assert.deepEqual([packet.id, packet.flag_rd, packet.additionals?.length], [77, true, 1]);
  return [packet.questions?.[0]?.name, packet.questions?.[0]?.type];
}

describe('a question by hand', () => {
  it('is about a name, or an address', () => {
    assert.deepEqual(asked('web.front'), ['web.front', 'A']);
    assert.deepEqual(asked('web.front.', 'aaaa'), ['web.front', 'AAAA']);
    assert.deepEqual(asked('10.1.0.2'), ['2.0.1.10.in-addr.arpa', 'PTR']);
    assert.deepEqual(asked('fd00::1'), [`1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'PTR']);
    assert.deepEqual(asked('.', 'NS'), ['.', 'NS']);
    assert.deepEqual(asked('web', 'type65'), ['web', 'UNKNOWN_65']);
    assert.deepEqual(asked('web', 'https'), ['web', 'UNKNOWN_65']);
  });

  it('that cannot be asked is refused with the reason', () => {
    refuses(() => encodeQuestion(1, 'a..b'), 'INVALID', /'a\.\.b'/);
    refuses(() => encodeQuestion(1, 'x'.repeat(64)), 'INVALID', /63/);
    refuses(() => encodeQuestion(1, ''), 'INVALID', /labels/);
    for (const type of ['NOSUCH', 'TYPE', 'TYPE0', 'TYPE65536', 'TYPE1x', '']) refuses(() => encodeQuestion(1, 'web', type), 'INVALID', /record type/);
  });

  it('is answered in words', () => {
    const directory = directoryOf();
    const bytes = put(directory, Uint8Array.from(encodeQuestion(5, 'web')));
    assert.ok(typeof bytes !== 'string');
    assert.deepEqual(decodeReply(bytes), {
      id: 5,
      rcode: 'NOERROR',
      flags: ['aa', 'rd', 'ra'],
      answers: [{ name: 'web', type: 'A', ttl: 0, data: '10.1.0.2' }],
      authorities: [],
      additionals: [],
    });
    assert.equal(ask(directory, 'web', 'A').answers?.length, 1);
  });
});

describe('an answer in words', () => {
  /** The data of one record. */
  function dataOf(answer: Answer): string | undefined {
    return decodeReply(encode({ type: 'response', answers: [answer] })).answers[0]?.data;
  }

  it('says what records say', () => {
    const name = 'example.com';
    assert.equal(dataOf({ name, type: 'AAAA', data: '2001:db8:0:0:0:0:0:1' }), '2001:db8::1');
    assert.equal(dataOf({ name, type: 'CNAME', data: 'www.example.com' }), 'www.example.com');
    assert.equal(dataOf({ name, type: 'NS', data: 'ns.example.com' }), 'ns.example.com');
    assert.equal(dataOf({ name, type: 'MX', data: { preference: 10, exchange: 'mx.example.com' } }), '10 mx.example.com');
    assert.equal(dataOf({ name, type: 'SRV', data: { priority: 1, weight: 2, port: 80, target: 'web' } }), '1 2 80 web');
    assert.equal(dataOf({ name, type: 'TXT', data: ['a b', 'c"d'] }), '"a b" "c\\"d"');
    assert.equal(dataOf({ name, type: 'SOA', data: { mname: 'a', rname: 'b', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 } }), 'a b 1 2 3 4 5');
    assert.equal(dataOf({ name, type: 'HINFO', data: { cpu: 'a', os: 'b' } }), String.raw`\# 4 01610162`);
  });

  it('names codes, those that need EDNS too', () => {
    const opt: Answer = { name: '.', type: 'OPT', udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0, flags: 0, flag_do: false, options: [] };
    const reply = decodeReply(encode({ type: 'response', additionals: [opt] }));
    assert.deepEqual([reply.rcode, reply.additionals], ['BADVERS', []]);
    assert.equal(decodeReply(encode({ type: 'response', flags: 3 })).rcode, 'NXDOMAIN');
    assert.equal(decodeReply(encode({ type: 'response', flags: 12 })).rcode, 'RCODE12');
  });

  it('that cannot be read is said to be so', () => {
    refuses(() => decodeReply(new Uint8Array(5)), 'UNAVAILABLE', /cannot be read/);
    const cut = encode({ type: 'response', answers: [{ name: 'a', type: 'A', data: '1.2.3.4' }] });
    refuses(() => decodeReply(cut.subarray(0, -1)), 'UNAVAILABLE', /cannot be read/);
  });
});
