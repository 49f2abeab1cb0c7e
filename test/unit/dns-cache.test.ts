import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import { AnswerCache, answerKey } from '../../src/dns/cache.ts';
import { Query } from '../../src/dns/query.ts';
import { isAnswerTo, readAnswer, writeAnswer } from '../../src/dns/stored-answer.ts';
import { writeUpstreamQuery } from '../../src/dns/upstream-query.ts';
import { question, read } from '../support/dns-questions.ts';
import type { Extras, Type } from '../support/dns-questions.ts';

const SOA: Answer = {
  name: 'example.com',
  type: 'SOA',
  ttl: 900,
  data: { mname: 'ns.example.com', rname: 'hostmaster.example.com', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 60 },
};
const ALIAS: Answer = { name: 'www.example.com', type: 'CNAME', ttl: 40, data: 'web.example.com' };
const ADDRESS: Answer = { name: 'web.example.com', type: 'A', ttl: 300, data: '192.0.2.1' };
const SERVER: Answer = { name: 'example.com', type: 'NS', ttl: 500, data: 'ns.example.com' };
const GLUE: Answer = { name: 'ns.example.com', type: 'A', ttl: 20, data: '192.0.2.53' };
const OPT: Answer = { name: '.', type: 'OPT', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] } as Answer;

const RESPONSE = 0x8180;
const TRUNCATED = 0x0200;
const SERVFAIL = 2;
const NXDOMAIN = 3;

/** A server's answer about a name. Records of that name point to the question, as servers do it and dns-packet does not. */
function answerOf(rest: Packet, flags = RESPONSE, type: Type = 'A', name = 'www.example.com'): Uint8Array {
  const bytes = encode({ id: 1, questions: [{ name, type: type as 'A', class: 'IN' }], ...rest });
  bytes.writeUInt16BE(flags, 2);
  const asked = bytes.toString('latin1', 12, 12 + name.length + 2);
  const [head = '', ...records] = bytes.toString('latin1').split(asked);
  return Uint8Array.from(Buffer.from(`${head}${asked}${records.join('\xc0\x0c')}`, 'latin1'));
}

const POSITIVE = answerOf({ answers: [ALIAS, ADDRESS], authorities: [SERVER], additionals: [GLUE, OPT] });

function queryOf(name: string, type: Type = 'A', extras: Extras = {}): Query {
  const bytes = question(name, type, extras);
  const query = new Query();
  assert.equal(query.read(bytes, 0, bytes.length), 0);
  return query;
}

function keyOf(name: string, type: Type = 'A', extras: Extras = {}, servers = 'host'): string {
  return answerKey(queryOf(name, type, extras), servers);
}

/** A cache whose clock stands still until it is set, in seconds. */
function cacheOf(capacity = 1 << 20): { cache: AnswerCache; clock: { now: number }; keep(message: Uint8Array, name?: string): void; ask(name: string, extras?: Extras, limit?: number): DecodedPacket | undefined } {
  const clock = { now: 1000 };
  const cache = new AnswerCache(() => clock.now * 1000, capacity);
  return {
    cache,
    clock,
    keep: (message, name = 'www.example.com') => {
      const stored = readAnswer(message);
      assert.ok(stored !== undefined);
      cache.put(keyOf(name), stored);
    },
    ask: (name, extras = {}, limit = 512) => {
      const out = new Uint8Array(0xffff);
      const length = cache.answer(keyOf(name, 'A', extras), queryOf(name, 'A', extras), out, limit);
      return length === 0 ? undefined : read(out.slice(0, length));
    },
  };
}

/** Seconds that a message may be kept. */
function lifetimeOf(message: Uint8Array): number | undefined {
  return readAnswer(message)?.lifetime;
}

describe('answers of others', () => {
  it('live as long as their shortest record', () => {
    assert.equal(lifetimeOf(POSITIVE), 40);
    assert.equal(lifetimeOf(answerOf({ answers: [{ ...ADDRESS, name: 'www.example.com' }] })), 300);
    assert.equal(lifetimeOf(answerOf({ answers: [{ ...ADDRESS, ttl: 10_000_000 }] })), 86_400);
    assert.equal(lifetimeOf(answerOf({ answers: [{ ...ADDRESS, ttl: 0 }] })), 0);
    assert.equal(lifetimeOf(answerOf({ answers: [{ ...ADDRESS, ttl: 0x8000_0000 }] })), 0, 'RFC 2181 §8');
  });

  it('that there is nothing lives as long as the SOA record says (RFC 2308)', () => {
    assert.equal(lifetimeOf(answerOf({ authorities: [SOA] }, RESPONSE | NXDOMAIN)), 60, 'MINIMUM is less than the TTL');
    assert.equal(lifetimeOf(answerOf({ authorities: [{ ...SOA, ttl: 30 } as Answer] }, RESPONSE | NXDOMAIN)), 30);
    assert.equal(lifetimeOf(answerOf({ authorities: [SOA] })), 60, 'no such record');
    assert.equal(lifetimeOf(answerOf({ answers: [ALIAS], authorities: [SOA] })), 40, 'an alias of nothing');
    assert.equal(lifetimeOf(answerOf({ answers: [{ ...ALIAS, ttl: 400 }], authorities: [SOA] })), 60);
    assert.equal(lifetimeOf(answerOf({ answers: [ALIAS] }, RESPONSE, 'CNAME')), 40, 'an alias that was asked for');
    for (const message of [answerOf({}, RESPONSE | NXDOMAIN), answerOf({}), answerOf({ authorities: [SERVER] }), answerOf({ answers: [ALIAS] })]) assert.equal(lifetimeOf(message), 0, 'nobody says how long');
    const long = { ...SOA, ttl: 1e6, data: { ...(SOA as { data: object }).data, minimum: 1e6 } } as Answer;
    assert.equal(lifetimeOf(answerOf({ authorities: [long] }, RESPONSE | NXDOMAIN)), 10_800);
  });

  it('that are failures, or cut short, are not kept', () => {
    for (const rcode of [1, SERVFAIL, 4, 5]) assert.equal(lifetimeOf(answerOf({ answers: [ADDRESS] }, RESPONSE | rcode)), 0);
    assert.equal(lifetimeOf(answerOf({ answers: [ADDRESS] }, RESPONSE | TRUNCATED)), 0);
    assert.equal(lifetimeOf(answerOf({ answers: [ADDRESS], additionals: [{ ...OPT, extendedRcode: 1 } as Answer] })), 0, 'BADVERS');
  });

  it('that are malformed are none', () => {
    for (const message of [POSITIVE, answerOf({ answers: [ADDRESS] })]) {
      for (let length = 0; length < message.length; length++) assert.equal(readAnswer(message.slice(0, length)), undefined, `${length} bytes`);
    }
    const soa = answerOf({ authorities: [{ name: 'example.com', type: 'UNKNOWN_6' as 'NULL', ttl: 50, data: Buffer.alloc(21, 1) }] });
    assert.equal(lifetimeOf(soa), 0, 'an SOA record too short to say how long');
    const counts = POSITIVE.slice();
    counts.fill(0xff, 6, 12);
    assert.equal(readAnswer(counts), undefined);
    const questions = POSITIVE.slice();
    questions[5] = 0;
    assert.equal(readAnswer(questions), undefined);
  });

  it('go to every asker under its own id, case and EDNS', () => {
    const stored = readAnswer(POSITIVE);
    assert.ok(stored !== undefined);
    const give = (extras: Extras, name = 'www.example.com', limit = 512): DecodedPacket => {
      const out = new Uint8Array(2000);
      return read(out.slice(0, writeAnswer(stored, 0, queryOf(name, 'A', extras), out, limit)));
    };
    const plain = give({ id: 77 }, 'wWw.eXample.com');
    assert.deepEqual([plain.id, plain.flag_rd, plain.flag_cd, plain.questions?.[0]?.name], [77, true, false, 'wWw.eXample.com']);
    assert.deepEqual(plain.answers?.map(({ name }) => name), ['wWw.eXample.com', 'web.example.com'], 'who points to the question follows its case');
    assert.deepEqual(plain.additionals?.map(({ type }) => type), ['A'], 'no EDNS for who has none');
    const edns = give({ udpSize: 4096, dnssecOk: true, flags: 0x0010 });
    const [, opt] = edns.additionals ?? [];
    assert.deepEqual(opt?.type === 'OPT' && [opt.udpPayloadSize, opt.flag_do], [1232, true]);
    assert.deepEqual([edns.flag_rd, edns.flag_cd], [false, true]);
  });

  it('that do not fit lose additional records first, then everything but the question', () => {
    const many = Array.from({ length: 28 }, (_, index): Answer => ({ name: 'www.example.com', type: 'A', ttl: 300, data: `192.0.2.${index}` }));
    const extras = Array.from({ length: 10 }, (_, index): Answer => ({ ...GLUE, name: `ns${index}.example.com` }));
    const { keep, ask } = cacheOf();
    keep(answerOf({ answers: many, additionals: extras }));
    assert.deepEqual([ask('www.example.com')?.flag_tc, ask('www.example.com')?.answers?.length, ask('www.example.com')?.additionals?.length], [false, 28, 0]);
    assert.deepEqual([ask('www.example.com', { udpSize: 1232 })?.additionals?.length], [11]);
    keep(answerOf({ answers: [...many, ...many], additionals: extras }));
    const cut = ask('www.example.com', { udpSize: 512 });
    assert.deepEqual([cut?.flag_tc, cut?.answers?.length, cut?.additionals?.length], [true, 0, 1]);
    const tcp = ask('www.example.com', {}, 0xffff);
    assert.deepEqual([tcp?.flag_tc, tcp?.answers?.length], [false, 56]);
  });

  it('stay what they were when the buffer in which they came is used again', () => {
    const buffer = Buffer.from(POSITIVE);
    const stored = readAnswer(buffer);
    buffer.fill(0);
    const out = new Uint8Array(600);
    assert.ok(stored !== undefined);
    assert.equal(read(out.slice(0, writeAnswer(stored, 0, queryOf('www.example.com'), out, 512))).answers?.length, 2);
  });

  it('nothing of records behind OPT is passed on', () => {
    const stored = readAnswer(answerOf({ answers: [ADDRESS], additionals: [OPT, GLUE] }));
    const out = new Uint8Array(600);
    assert.ok(stored !== undefined);
    assert.equal(read(out.slice(0, writeAnswer(stored, 0, queryOf('www.example.com'), out, 512))).additionals?.length, 0);
  });
});

describe('the cache', () => {
  it('counts TTLs down, and forgets in time', () => {
    const { clock, keep, ask } = cacheOf();
    keep(POSITIVE);
    const ttls = (): unknown => [...(ask('www.example.com')?.answers ?? []), ...(ask('www.example.com')?.authorities ?? []), ...(ask('www.example.com')?.additionals ?? [])].map((record) => 'ttl' in record && record.ttl);
    assert.deepEqual(ttls(), [40, 300, 500, 20]);
    clock.now += 15.9;
    assert.deepEqual(ttls(), [25, 285, 485, 5]);
    clock.now += 24;
    assert.deepEqual(ttls(), [1, 261, 461, 0]);
    clock.now += 0.2;
    assert.equal(ask('www.example.com'), undefined);
  });

  it('a name is one whatever its case; type, flags, DNSSEC and servers make others', () => {
    assert.equal(keyOf('WWW.example.com'), keyOf('www.EXAMPLE.com', 'A', { id: 99, udpSize: 1232 }));
    const different = [
      keyOf('www.example.com'),
      keyOf('www.example.org'),
      keyOf('www.example.com', 'AAAA'),
      // 0x41 and 0x61, which are A and a where they are letters.
      keyOf('www.example.com', 'UNKNOWN_65'),
      keyOf('www.example.com', 'UNKNOWN_97'),
      keyOf('www.example.com', 'A', { udpSize: 1232, dnssecOk: true }),
      keyOf('www.example.com', 'A', { flags: 0x0110 }),
      keyOf('www.example.com', 'A', { flags: 0x0120 }),
      keyOf('www.example.com', 'A', { flags: 0 }),
      keyOf('www.example.com', 'A', {}, '/run/netns/a 9.9.9.9'),
    ];
    assert.equal(new Set(different).size, different.length);
  });

  it('does not keep what must not be kept, and forgets what it kept before', () => {
    const { cache, keep, ask } = cacheOf();
    keep(POSITIVE);
    keep(answerOf({}, RESPONSE | SERVFAIL));
    assert.deepEqual([cache.size, ask('www.example.com')], [0, undefined]);
  });

  it('gives up the least recently used first, and never takes more than it may', () => {
    const { cache, keep, ask } = cacheOf(20_000);
    const names = Array.from({ length: 1000 }, (_, index) => `n${index}.example.com`);
    for (const name of names) {
      keep(answerOf({ answers: [ADDRESS, ADDRESS, ADDRESS] }, RESPONSE, 'A', name), name);
      ask('n0.example.com');
    }
    assert.ok(cache.size > 20 && cache.size < 60, `${cache.size} answers`);
    assert.notEqual(ask('n0.example.com'), undefined);
    assert.notEqual(ask('n999.example.com'), undefined);
    assert.equal(ask('n1.example.com'), undefined);
    cache.clear();
    assert.deepEqual([cache.size, ask('n0.example.com')], [0, undefined]);
  });

  it('one answer cannot fill it', () => {
    const { cache, keep } = cacheOf(20_000);
    keep(POSITIVE);
    keep(answerOf({ answers: Array.from({ length: 200 }, () => ADDRESS) }), 'big.example.com');
    assert.equal(cache.size, 1);
  });
});

describe('a query to a server', () => {
  it('asks the same, without what concerns one asker alone', () => {
    const query = queryOf('Www.Example.com', 'AAAA', { id: 5, udpSize: 700, dnssecOk: true, flags: 0x0130 });
    const out = new Uint8Array(512);
    const sent = decode(Buffer.from(out.subarray(0, writeUpstreamQuery(query, 0xabcd, true, out))));
    assert.deepEqual([sent.id, sent.flag_rd, sent.flag_ad, sent.flag_cd, sent.questions], [0xabcd, true, true, true, [{ name: 'Www.Example.com', type: 'AAAA', class: 'IN' }]]);
    const [opt] = sent.additionals ?? [];
    assert.deepEqual(opt?.type === 'OPT' && [opt.udpPayloadSize, opt.flag_do], [1232, true]);
    const plain = decode(Buffer.from(out.subarray(0, writeUpstreamQuery(query, 1, false, out))));
    assert.deepEqual(plain.additionals, []);
  });

  it('is answered only by what has its id and its question', () => {
    const sent = question('www.example.com', 'A', { id: 1 });
    assert.ok(isAnswerTo(sent, POSITIVE));
    assert.ok(isAnswerTo(question('WWW.example.com', 'A', { id: 1 }), POSITIVE));
    assert.ok(!isAnswerTo(question('www.example.com', 'A', { id: 2 }), POSITIVE));
    assert.ok(!isAnswerTo(question('www.example.com', 'AAAA', { id: 1 }), POSITIVE));
    assert.ok(!isAnswerTo(question('www.example.org', 'A', { id: 1 }), POSITIVE));
    assert.ok(!isAnswerTo(sent, sent), 'a query is no answer');
    assert.ok(!isAnswerTo(sent, answerOf({}, RESPONSE | 0x2800)), 'nor is the answer to an update');
    for (let length = 0; length < sent.length; length++) assert.ok(!isAnswerTo(sent, POSITIVE.slice(0, length)));
  });
});
