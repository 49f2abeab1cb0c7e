/** Hostile packets for what reads DNS messages, and what must be true of it whatever they hold. */
import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import type { Answer, Packet } from 'dns-packet';
import DNS from 'dns2';
import { AnswerCache, answerKey } from '../../src/dns/cache.ts';
import { Directory } from '../../src/dns/directory.ts';
import { Query } from '../../src/dns/query.ts';
import { isAnswerTo, readAnswer, writeAnswer } from '../../src/dns/stored-answer.ts';
import { writeUpstreamQuery } from '../../src/dns/upstream-query.ts';
import { asker, endpoint, network, question } from './dns-questions.ts';
import { mutate, Randomness } from './mutate.ts';

/** Longest that one packet may take, in ms: best of three, because a machine has other things to do. */
const LONGEST = 1;

/** From which time on a packet is tried again, in ms. */
const SUSPICIOUS = 0.05;

const LIMITS = [512, 1232, 0xffff] as const;

/** Valid queries of every kind that there is an answer for. */
export function queryCorpus(): Uint8Array[] {
  const reverse = ['2.0.1.10.in-addr.arpa', '9.0.1.10.in-addr.arpa', '0.1.10.in-addr.arpa', 'd.c.b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa'];
  const names = ['web', 'WeB.front', 'svc', 'svc.front', 'up', 'extra.example', 'localhost', 'host.netctl.internal', 'example.com', '.', 'a.b.c.d.e.f.front', ...reverse];
  const services = ['_http._tcp.web', '_80._tcp.svc', '_domain._udp.svc.front'];
  const types = ['A', 'AAAA', 'PTR', 'MX', 'ANY'] as const;
  const plain = names.flatMap((name) => types.map((type) => question(name, type)));
  const edns = names.flatMap((name) => [512, 1232, 4096].map((udpSize) => question(name, 'A', { udpSize, dnssecOk: udpSize === 4096 })));
  return [...plain, ...edns, ...services.map((name) => question(name, 'SRV', { udpSize: 1232 })), question('web', 'A', { class: 'CH' }), question('web', 'A', { udpSize: 1232, version: 1 }), question('example.com', 'AXFR')];
}

/** Answers of servers: addresses, aliases, SOA and NS records, OPT. */
function answerCorpus(): Uint8Array[] {
  const soa = { name: 'example.com', type: 'SOA', ttl: 900, data: { mname: 'ns.example.com', rname: 'x.example.com', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 60 } } as Answer;
  const opt = { name: '.', type: 'OPT', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] } as Answer;
  const addresses = Array.from({ length: 40 }, (_, index) => ({ name: 'example.com', type: 'A', ttl: 300 + index, data: `192.0.2.${index}` }) as Answer);
  const head: Packet = { type: 'response', id: 4711, flags: 0x0180, questions: [{ name: 'example.com', type: 'A', class: 'IN' }] };
  return [
    encode({ ...head, answers: addresses.slice(0, 2), additionals: [opt] }),
    encode({ ...head, answers: addresses, authorities: [{ name: 'example.com', type: 'NS', ttl: 10, data: 'ns.example.com' }] }),
    encode({ ...head, flags: 0x0183, authorities: [soa], additionals: [opt] }),
    encode({ ...head, answers: [{ name: 'example.com', type: 'CNAME', ttl: 5, data: 'www.example.com' }, { name: 'www.example.com', type: 'A', ttl: 5, data: '192.0.2.1' }] }),
  ].map((bytes) => Uint8Array.from(bytes));
}

/** A directory that has an answer of each kind, for an asker called `me`. */
function fuzzedDirectory(): Directory {
  const directory = new Directory();
  const services = [{ protocol: 'tcp', port: 80 }, { protocol: 'udp', port: 53 }] as const;
  const members = Array.from({ length: 200 }, (_, index) => endpoint(`e${index}`, [`m${index}`, 'svc'], [`10.1.1.${index}`, `fd00:1::1:${index.toString(16)}`], { services }));
  const web = endpoint('web', ['web'], ['10.1.0.2', 'fd00:1::abcd'], { services });
  directory.setNetwork(network('front', [web, ...members], { subnets: ['10.1.0.0/16', 'fd00:1::/64'], hostAddresses: ['10.1.0.1'] }));
  directory.setNetwork(network('e.f.front', [endpoint('deep', ['a.b', 'c.d'], ['10.5.0.2'])]));
  directory.setAsker(asker(['front', 'e.f.front'], { aliases: [{ name: 'up', endpoint: 'web' }], extraHosts: [{ name: 'extra.example', address: '192.0.2.1' }] }));
  return directory;
}

const LABELS = ['web', 'WEB', 'svc', 'm7', 'up', 'a', 'b', 'e', 'f', 'front', 'localhost', 'host', 'netctl', 'internal', 'com', '_http', '_80', '_tcp', '_udp', '_', '10', '1', '0', '255', '256', '01', 'd', 'in-addr', 'ip6', 'arpa', 'x'.repeat(63), '\0', '\x03web', '\xff\xc0'];

const TYPES = [1, 1, 1, 12, 12, 28, 28, 33, 33, 255, 15, 65, 251, 41, 0, 65_535];

/** A query without fault, about a name of known and strange labels in any order. */
function oddQuery(random: Randomness): Uint8Array {
  const labels = Array.from({ length: random.pick([1, 2, 2, 3, 3, 4, 6, 34]) }, () => random.pick(LABELS));
  if (random.below(4) === 0) labels.push(...random.pick([['in-addr', 'arpa'], ['ip6', 'arpa'], ['web', 'front']]));
  const name = Buffer.concat(labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')));
  const tail = [0, 0, random.pick(TYPES) & 255, 0, random.pick([1, 1, 1, 1, 1, 1, 3, 255])];
  return Uint8Array.from([random.below(256), random.below(256), random.below(2), random.below(64), 0, 1, 0, 0, 0, 0, 0, 0, ...name, ...tail]);
}

/** What was done with the packets, by kind, and the longest that one took, in ms. */
export interface FuzzReport {
  readonly outcomes: ReadonlyMap<string, number>;
  readonly slowest: number;
}

/**
 * Puts mutated and odd queries to a directory, and every tenth time a mutated answer to what keeps answers.
 * @throws {AssertionError} with the packet in hexadecimal when anything is not as it must be
 */
export function fuzzDns(count: number, seed: number): FuzzReport {
  const random = new Randomness(seed);
  const queries = queryCorpus();
  const answers = answerCorpus();
  const directory = fuzzedDirectory();
  // Code runs slowly until it has been compiled, which is no packet's doing.
  for (let round = 0; round < 3000; round++) warmUp(directory, random.pick(queries));
  const outcomes = new Map<string, number>();
  let slowest = 0;
  for (let round = 0; round < count; round++) {
    const isAnswer = round % 10 === 9;
    const isOdd = round % 10 > 5 && !isAnswer;
    const packet = isOdd ? oddQuery(random) : mutate(isAnswer ? answers : queries, random);
    try {
      const { outcome, took } = isAnswer ? putAnswer(packet, random) : putQuery(directory, packet, random);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      slowest = Math.max(slowest, took);
    } catch (error) {
      throw new Error(`packet ${round} of seed ${seed}: ${Buffer.from(packet).toString('hex')}`, { cause: error });
    }
  }
  return { outcomes, slowest };
}

const out = new Uint8Array(0xffff);

function warmUp(directory: Directory, query: Uint8Array): void {
  for (const limit of LIMITS) directory.answer('me', query, 0, query.length, out, limit);
}

/** Best of three, in ms; of one where it is beyond suspicion. */
function timed<T>(act: () => T): { readonly result: T; readonly took: number } {
  let best = Infinity;
  for (let round = 0; ; round++) {
    const start = performance.now();
    const result = act();
    best = Math.min(best, performance.now() - start);
    if (best < SUSPICIOUS || round === 2) {
      assert.ok(best < LONGEST, `took ${best} ms`);
      return { result, took: best };
    }
  }
}

function putQuery(directory: Directory, packet: Uint8Array, random: Randomness): { readonly outcome: string; readonly took: number } {
  const limit = random.pick(LIMITS);
  const { result, took } = timed(() => directory.answer('me', packet, 0, packet.length, out, limit));
  if (result === 'drop') {
    assert.ok(packet.length < 12 || ((packet[2] ?? 0) & 0x80) !== 0, 'silence is for responses and for what has no header');
    return { outcome: 'drop', took };
  }
  if (result === 'forward') {
    checkReading(packet);
    return { outcome: 'forward', took };
  }
  return { outcome: checkAnswer(packet, out.slice(0, result), limit), took };
}

/** What is forwarded has been understood: dns2 reads the same question. */
function checkReading(packet: Uint8Array): void {
  const query = new Query();
  assert.equal(query.read(packet, 0, packet.length), 0);
  const theirs = DNS.Packet.parse(Buffer.from(packet)).questions[0];
  assert.deepEqual([theirs?.type, theirs?.class], [query.type, query.class]);
  const length = writeUpstreamQuery(query, 1, true, out);
  assert.deepEqual(DNS.Packet.parse(Buffer.from(out.subarray(0, length))).errors, []);
  assert.ok(answerKey(query, '').length > 5);
}

/** An answer has the query's id and question, fits, and two codecs can read it. */
function checkAnswer(packet: Uint8Array, answer: Uint8Array, limit: number): string {
  assert.ok(answer.length <= Math.max(limit, 1232), `${answer.length} bytes`);
  const buffer = Buffer.from(answer);
  assert.deepEqual([answer[0], answer[1]], [packet[0], packet[1]], 'id');
  assert.equal((answer[2] ?? 0) & 0xf8, ((packet[2] ?? 0) & 0x78) | 0x80, 'a response to that operation');
  assert.equal(buffer.readUInt16BE(8), 0);
  const questions = buffer.readUInt16BE(4);
  if (questions === 0) assert.ok([1, 4].includes((answer[3] ?? 0) & 15), 'only FORMERR and NOTIMP have no question');
  else assert.ok(buffer.subarray(12).indexOf(packet.subarray(12, questionEnd(packet))) === 0, 'the question comes back byte for byte');
  assert.deepEqual(DNS.Packet.parse(buffer).errors, []);
  const { rcode } = decode(buffer) as unknown as { rcode: string };
  assert.equal(decode.bytes, answer.length);
  return rcode;
}

function questionEnd(packet: Uint8Array): number {
  let at = 12;
  while ((packet[at] ?? 0) > 0) at += 1 + (packet[at] ?? 0);
  return at + 5;
}

const EXAMPLE = question('Example.com', 'A', { udpSize: 1232 });

function putAnswer(packet: Uint8Array, random: Randomness): { readonly outcome: string; readonly took: number } {
  const query = new Query();
  query.read(EXAMPLE, 0, EXAMPLE.length);
  const cache = new AnswerCache(() => 0, 1 << 20);
  const limit = random.pick(LIMITS);
  const { result, took } = timed(() => {
    const stored = readAnswer(packet);
    if (stored === undefined || !isAnswerTo(EXAMPLE, packet)) return undefined;
    cache.put('key', stored);
    const length = writeAnswer(stored, 10, query, out, limit);
    assert.equal(cache.answer('key', query, out, limit), stored.lifetime > 0 ? length : 0);
    return length;
  });
  if (result === undefined) return { outcome: 'answer refused', took };
  assert.ok(result <= Math.max(limit, 1232));
  assert.deepEqual(out.slice(12, 29), EXAMPLE.slice(12, 29), 'the asker’s own question');
  return { outcome: 'answer passed on', took };
}
