import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import { AskerState } from '../../src/dns/asker-state.ts';
import { Forwarder } from '../../src/dns/forwarder.ts';
import { DEFAULT_LIMITS, type DnsLimits } from '../../src/dns/limits.ts';
import { serverSet, type Server, type ServerSet } from '../../src/dns/server-set.ts';
import type { Waiting } from '../../src/dns/conversation.ts';
import type { Transport } from '../../src/dns/upstream-sockets.ts';
import type { Route } from '../../src/dns/waiter.ts';
import { question, short, type Extras } from '../support/dns-questions.ts';

/** One question that a server was asked. */
interface Asked {
  readonly server: string;
  readonly transport: Transport;
  readonly bytes: Uint8Array;
  readonly packet: DecodedPacket;
  readonly waiting: Waiting;
  open: boolean;
}

/** In the order of their numbers. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'] as const;
type Rcode = (typeof RCODES)[number];
const TC = 0x0200;

/** A forwarder whose servers answer when the test says so, by a clock that the test turns. */
class Bench {
  readonly asked: Asked[] = [];
  readonly unreachable = new Set<string>();
  readonly state: AskerState = new AskerState('me');
  readonly forwarder: Forwarder;
  ownAddress = 'none';
  hostServers: ServerSet = serverSet('host', ['192.0.2.1']);
  #now = 1000;
  #id = 0;

  constructor(servers: readonly string[] = ['192.0.2.1', '192.0.2.2'], limits: Partial<DnsLimits> = {}) {
    this.state.servers = serverSet('/run/netns/me', servers);
    this.forwarder = new Forwarder({
      sockets: { ask: (server, transport, bytes, waiting) => this.#ask(server, transport, bytes, waiting) },
      limits: { ...DEFAULT_LIMITS, ...limits },
      now: () => this.#now,
      randomId: () => (this.#id += 1),
      hostServers: () => this.hostServers,
      isOurselves: ({ address }) => address === this.ownAddress,
    });
  }

  /** Passes a query in; what came at once, or the answers that come later. */
  forward(name: string, extras: Extras & { readonly limit?: number; readonly from?: AskerState } = {}): { readonly now: readonly string[] | undefined; readonly later: Buffer[] } {
    // A Buffer that holds something else afterwards, as that of a socket does.
    const query = Buffer.from(question(name, 'A', extras));
    const out = new Uint8Array(65_535);
    const later: Buffer[] = [];
    const route: Route = { send: (answer) => later.push(Buffer.from(answer)) > 0 };
    const length = this.forwarder.forward(extras.from ?? this.state, query, 0, query.length, out, extras.limit ?? 512, { route: () => route });
    query.fill(0xee);
    return { now: length === 0 ? undefined : short(decode(Buffer.from(out.subarray(0, length)))), later };
  }

  /** Lets the last question, or that one, be answered. */
  answer(records: readonly string[], { rcode = 'NOERROR', flags = 0, to = this.last, ttl = 60, ...more }: { readonly rcode?: Rcode; readonly flags?: number; readonly to?: Asked; readonly ttl?: number } & Partial<Packet> = {}): void {
    const answers = records.map((data): Answer => ({ name: to.packet.questions?.[0]?.name ?? '', type: 'A', ttl, data }));
    const message = encode({ type: 'response', id: to.packet.id ?? 0, flags: 0x0180 | flags | RCODES.indexOf(rcode), questions: to.packet.questions ?? [], answers, ...more });
    to.open = false;
    to.waiting.answered(message);
    message.fill(0xee);
  }

  get last(): Asked {
    const last = this.asked.at(-1);
    assert.ok(last !== undefined, 'nobody was asked');
    return last;
  }

  /** Servers that were asked, in order. */
  get order(): readonly string[] {
    return this.asked.map(({ server, transport }) => `${server}${transport === 'tcp' ? ' tcp' : ''}`);
  }

  pass(ms: number): void {
    this.#now += ms;
    this.forwarder.keep();
  }

  #ask(server: Server, transport: Transport, bytes: Uint8Array, waiting: Waiting): Disposable | undefined {
    if (this.unreachable.has(server.address)) return undefined;
    const asked: Asked = { server: server.address, transport, bytes, packet: decode(Buffer.from(bytes)), waiting, open: true };
    this.asked.push(asked);
    return { [Symbol.dispose]: () => (asked.open = false) };
  }
}

const texts = (answers: readonly Buffer[]): (readonly string[])[] => answers.map((bytes) => short(decode(bytes)));

describe('the forwarder', () => {
  it('asks the first server, in the asker’s own words, with an id of its own and without its options', () => {
    const bench = new Bench();
    const { now, later } = bench.forward('EXample.com', { id: 99, udpSize: 4096, dnssecOk: true });
    assert.equal(now, undefined);
    assert.deepEqual(bench.order, ['192.0.2.1']);
    assert.equal(bench.last.packet.questions?.[0]?.name, 'EXample.com');
    assert.notEqual(bench.last.packet.id, 99);
    const opt = bench.last.packet.additionals?.[0];
    assert.ok(opt?.type === 'OPT' && opt.udpPayloadSize === 1232 && opt.flag_do);
    bench.answer(['198.51.100.1']);
    assert.deepEqual(texts(later), [['NOERROR', '198.51.100.1']]);
    assert.equal(decode(later[0] as Buffer).id, 99);
    assert.deepEqual([bench.state.counters.forwarded, bench.state.waiting], [1, 0]);
  });

  it('asks the next one after SERVFAIL, REFUSED, an error of the network and when one cannot be reached', () => {
    for (const rcode of ['SERVFAIL', 'REFUSED'] as const) {
      const bench = new Bench();
      const { later } = bench.forward('a.example');
      bench.answer([], { rcode });
      assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.2']);
      bench.answer(['198.51.100.1']);
      assert.deepEqual(texts(later), [['NOERROR', '198.51.100.1']]);
    }
    const bench = new Bench(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    bench.unreachable.add('192.0.2.1');
    bench.forward('a.example');
    bench.last.waiting.failed();
    assert.deepEqual(bench.order, ['192.0.2.2', '192.0.2.3']);
  });

  it('passes on that there is no such name, and says SERVFAIL when nobody has an answer', () => {
    const bench = new Bench();
    const nothing = bench.forward('a.example');
    bench.answer([], { rcode: 'NXDOMAIN' });
    assert.deepEqual(texts(nothing.later), [['NXDOMAIN']]);
    const refused = bench.forward('b.example');
    bench.answer([], { rcode: 'REFUSED' });
    bench.answer([], { rcode: 'REFUSED' });
    assert.deepEqual(texts(refused.later), [['SERVFAIL']]);
    assert.deepEqual([bench.state.counters.nxdomain, bench.state.counters.servfail, bench.state.counters.timeouts], [1, 1, 0]);
  });

  it('asks others when one is silent, and still takes its answer', () => {
    const bench = new Bench();
    const { later } = bench.forward('a.example');
    const first = bench.last;
    bench.pass(DEFAULT_LIMITS.patience);
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.2']);
    bench.answer(['198.51.100.1'], { to: first });
    assert.deepEqual(texts(later), [['NOERROR', '198.51.100.1']]);
    assert.equal(bench.last.open, false, 'the second is not listened to any more');
  });

  it('asks the only server again, because packets get lost, and gives up before the asker does', () => {
    const bench = new Bench(['192.0.2.1']);
    const { later } = bench.forward('a.example');
    for (let time = 0; time < 3; time++) bench.pass(DEFAULT_LIMITS.patience);
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.1', '192.0.2.1']);
    assert.deepEqual(texts(later), [['SERVFAIL']]);
    assert.equal(bench.state.counters.timeouts, 1);
    assert.ok(3 * DEFAULT_LIMITS.patience < 5000);
    assert.ok(bench.asked.every(({ open }) => !open));
  });

  it('remembers who was silent, asks it last, and tries it again beside a good one', () => {
    const bench = new Bench();
    bench.forward('a.example');
    bench.pass(DEFAULT_LIMITS.patience);
    bench.answer(['198.51.100.1']);
    bench.forward('b.example');
    bench.answer(['198.51.100.1']);
    assert.deepEqual(bench.order.slice(2), ['192.0.2.2']);
    bench.pass(DEFAULT_LIMITS.shunned);
    bench.forward('c.example');
    assert.deepEqual(bench.order.slice(3), ['192.0.2.2', '192.0.2.1'], 'both at once: nobody waits for the first');
    bench.forward('d.example');
    assert.deepEqual(bench.order.slice(5), ['192.0.2.2'], 'it is tried by one question');
    bench.answer(['198.51.100.1'], { to: bench.asked[4] as Asked });
    bench.forward('e.example');
    assert.equal(bench.last.server, '192.0.2.1', 'it is back in its place');
  });

  it('asks once for all who ask the same, and gives each its own answer', () => {
    const bench = new Bench();
    const other = new AskerState('other');
    other.servers = bench.state.servers;
    const first = bench.forward('Same.example', { id: 1 });
    const second = bench.forward('sAME.example', { id: 2, udpSize: 1232, from: other });
    bench.forward('same.example', { id: 3, dnssecOk: true, udpSize: 1232 });
    assert.equal(bench.asked.length, 2, 'DNSSEC is another question');
    bench.answer(['198.51.100.1'], { to: bench.asked[0] as Asked });
    const [one, two] = [decode(first.later[0] as Buffer), decode(second.later[0] as Buffer)];
    assert.deepEqual([one.id, one.questions?.[0]?.name, one.additionals?.length], [1, 'Same.example', 0]);
    assert.deepEqual([two.id, two.questions?.[0]?.name, two.additionals?.length], [2, 'sAME.example', 1]);
    assert.deepEqual([bench.state.waiting, other.waiting], [1, 0]);
  });

  it('remembers answers as long as they live, for those who ask the same servers', () => {
    const bench = new Bench();
    bench.forward('a.example');
    bench.answer(['198.51.100.1'], { ttl: 10 });
    bench.pass(9000);
    assert.deepEqual(bench.forward('A.example').now, ['NOERROR', '198.51.100.1']);
    const other = new AskerState('other');
    other.servers = serverSet('/run/netns/other', ['192.0.2.1', '192.0.2.2']);
    assert.equal(bench.forward('a.example', { from: other }).now, undefined, 'the same addresses elsewhere are other servers');
    bench.pass(1000);
    assert.equal(bench.forward('a.example').now, undefined);
    assert.deepEqual([bench.state.counters.cached, bench.state.counters.forwarded], [1, 2]);
  });

  it('asks by TCP for what UDP did not carry, and gives it to whom it fits', () => {
    const many = Array.from({ length: 40 }, (_, index) => `198.51.100.${index}`);
    const bench = new Bench();
    const plain = bench.forward('big.example');
    const edns = bench.forward('big.example', { udpSize: 1232 });
    const stream = bench.forward('big.example', { limit: 65_535 });
    bench.answer([], { flags: TC });
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.1 tcp']);
    bench.answer(many);
    assert.equal((decode(plain.later[0] as Buffer) as DecodedPacket & { flag_tc: boolean }).flag_tc, true);
    for (const { later } of [edns, stream]) assert.equal(decode(later[0] as Buffer).answers?.length, 40);
  });

  it('passes a truncated answer on where TCP does not work, but not by TCP', () => {
    const bench = new Bench(['192.0.2.1']);
    const datagram = bench.forward('big.example');
    const stream = bench.forward('big.example', { limit: 65_535 });
    bench.answer([], { flags: TC });
    bench.last.waiting.failed();
    const answer = decode(datagram.later[0] as Buffer) as DecodedPacket & { flag_tc: boolean };
    assert.deepEqual([short(answer), answer.flag_tc], [['NOERROR'], true]);
    assert.deepEqual(texts(stream.later), [['SERVFAIL']]);
  });

  it('asks a server that knows no EDNS again without it', () => {
    const bench = new Bench();
    const { later } = bench.forward('a.example', { udpSize: 1232 });
    bench.answer([], { rcode: 'FORMERR' });
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.1']);
    assert.deepEqual(bench.last.packet.additionals, []);
    bench.answer(['198.51.100.1']);
    assert.deepEqual(texts(later), [['NOERROR', '198.51.100.1']]);
  });

  it('does not believe a mutilated answer', () => {
    const bench = new Bench();
    bench.forward('a.example');
    const { packet, waiting } = bench.last;
    const message = encode({ type: 'response', id: packet.id ?? 0, flags: 0x0180, questions: packet.questions ?? [], answers: [{ name: 'a.example', type: 'A', ttl: 1, data: '198.51.100.1' }] });
    waiting.answered(message.subarray(0, -2));
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.2']);
  });

  it('lets one asker wait for so many answers and no more, and refuses the rest', () => {
    const bench = new Bench(undefined, { waiting: 3 });
    const other = new AskerState('other');
    other.servers = bench.state.servers;
    for (let index = 0; index < 3; index++) assert.equal(bench.forward(`n${index}.example`).now, undefined);
    assert.deepEqual(bench.forward('n3.example').now, ['REFUSED']);
    assert.deepEqual(bench.forward('n0.example').now, ['REFUSED'], 'waiting with others is waiting too');
    assert.equal(bench.forward('n3.example', { from: other }).now, undefined, 'another asker has its own');
    bench.answer(['198.51.100.1'], { to: bench.asked[0] as Asked });
    assert.equal(bench.forward('n4.example').now, undefined);
    assert.deepEqual([bench.state.counters.refused, other.counters.refused], [2, 0]);
  });

  it('keeps a share for everybody when many ask for much', () => {
    const bench = new Bench(undefined, { asked: 4, share: 2 });
    const other = new AskerState('other');
    other.servers = bench.state.servers;
    for (let index = 0; index < 4; index++) bench.forward(`n${index}.example`);
    assert.deepEqual(bench.forward('n4.example').now, ['REFUSED']);
    assert.equal(bench.forward('n0.example').now, undefined, 'what is asked already costs nothing');
    for (const name of ['m0.example', 'm1.example']) assert.equal(bench.forward(name, { from: other }).now, undefined);
    assert.deepEqual(bench.forward('m2.example', { from: other }).now, ['REFUSED']);
  });

  it('asks the host’s servers of that moment, and nobody where there is nobody to ask', () => {
    const bench = new Bench();
    bench.state.servers = 'host';
    bench.forward('a.example');
    bench.hostServers = serverSet('host', ['192.0.2.7']);
    bench.forward('b.example');
    assert.deepEqual(bench.order, ['192.0.2.1', '192.0.2.7']);
    bench.state.servers = undefined;
    assert.deepEqual(bench.forward('c.example').now, ['SERVFAIL']);
  });

  it('never asks itself', () => {
    const bench = new Bench(['127.0.0.11', '192.0.2.2']);
    bench.ownAddress = '127.0.0.11';
    bench.forward('a.example');
    assert.deepEqual(bench.order, ['192.0.2.2']);
    bench.answer([]);
    bench.state.servers = serverSet('/run/netns/me', ['127.0.0.11']);
    assert.deepEqual(texts(bench.forward('b.example').later), [['SERVFAIL']]);
    assert.equal(bench.state.waiting, 0);
  });

  it('takes an IPv4 address in IPv6 clothes for what it is', () => {
    assert.equal(serverSet('host', ['::ffff:127.0.0.11']).servers[0]?.address, '127.0.0.11');
    assert.equal(serverSet('host', ['fe80::1%eth0']).servers[0]?.address, 'fe80::1%eth0');
  });
});
