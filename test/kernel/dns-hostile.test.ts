import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { NetworkError } from '../../src/common/error.ts';
import type { DnsServer } from '../../src/dns/dns-server.ts';
import { openDnsServer } from '../../src/dns/open-dns-server.ts';
import { HOST } from '../../src/kernel/op.ts';
import { rawSocketAddress } from '../../src/kernel/raw-socket-address.ts';
import { closeFile, openSocketFd, SOCKET, trySendTo } from '../../src/kernel/sys.ts';
import { DnsStream, exchange, frame, look, RESOLVER } from '../support/dns-client.ts';
import type { Flood } from '../support/dns-flood-child.ts';
import { queryCorpus } from '../support/dns-fuzz.ts';
import { asker, DB, endpoint, network, question, short, WEB } from '../support/dns-questions.ts';
import { addresses, Upstream } from '../support/dns-upstream.ts';
import { eventually } from '../support/eventually.ts';
import { mutate, Randomness } from '../support/mutate.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';

const IDLE = 250;
const MANY = endpoint('e-many', ['many'], Array.from({ length: 100 }, (_, index) => `10.1.1.${index + 1}`));
const random = new Randomness(20_251);

/** Sends bytes in pieces that are cut anywhere. */
async function sendInPieces(stream: DnsStream, bytes: Uint8Array, pieces: number): Promise<void> {
  const places = Array.from({ length: pieces }, () => random.below(bytes.length)).toSorted((a, b) => a - b);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    stream.socket.write(bytes.subarray(from, place));
    from = place;
    if (random.below(4) === 0) await wait(1);
  }
}

/** Floods a port from another thread; how many packets were sent. */
async function flood(data: Flood): Promise<number> {
  const worker = new Worker(new URL('../support/dns-flood-child.ts', import.meta.url), { workerData: data });
  const [sent] = (await once(worker, 'message')) as [number];
  return sent;
}

inPrivateNamespace(import.meta.filename, () => {
  describe('a hostile or careless asker', () => {
    let dns: DnsServer;
    let defects: NetworkError[] = [];
    /** Ports of the bad one and of its neighbour. */
    let bad = { udp: 0, tcp: 0 };
    let good = { udp: 0, tcp: 0 };

    before(async () => {
      dns = await openDnsServer({ limits: { idle: IDLE, connections: 4, waiting: 20, patience: 400 }, resolvConf: '/dev/null', onDefect: (error) => defects.push(error) });
      await dns.update([
        { change: 'set-network', network: network('front', [WEB, DB, MANY]) },
        { change: 'set-asker', asker: asker(['front'], { id: 'bad' }) },
        { change: 'set-asker', asker: asker(['front'], { id: 'good' }) },
      ]);
      bad = await dns.listen('bad', HOST);
      good = await dns.listen('good', HOST);
    });

    beforeEach(() => {
      defects = [];
    });

    afterEach(() => {
      assert.deepEqual(defects, []);
    });

    after(async () => {
      await dns[Symbol.asyncDispose]();
    });

    const counts = async (id: string): Promise<Awaited<ReturnType<DnsServer['stats']>>['askers'][number]> => {
      const found = (await dns.stats()).askers.find((one) => one.id === id);
      assert.ok(found !== undefined);
      return found;
    };

    it('may cut its stream anywhere and ask without waiting', async () => {
      using stream = await DnsStream.open(bad.tcp);
      const queries = Array.from({ length: 300 }, (_, id) => question(id % 3 === 0 ? 'many' : 'web', 'A', { id }));
      await sendInPieces(stream, Buffer.concat(queries.map(frame)), 200);
      const answers = await stream.received(300);
      assert.deepEqual(answers.map(({ id }) => id), queries.map((_, id) => id));
      assert.ok(answers.every(({ answers: records }, id) => records?.length === (id % 3 === 0 ? 100 : 1)));
    });

    it('gets all its answers when it has said that it asks no more', async () => {
      await using upstream = await Upstream.start('127.0.0.1', async ({ name, reply }) => {
        await wait(50);
        return reply(addresses(name, ['192.0.2.1']));
      });
      using stream = await DnsStream.open(bad.tcp);
      stream.send(question('later.example', 'A', { id: 1 }));
      stream.send(question('web', 'A', { id: 2 }));
      stream.socket.end();
      const answers = await stream.received(2);
      assert.deepEqual(answers.map((answer) => [answer.id, ...short(answer)]), [[2, 'NOERROR', '10.1.0.2'], [1, 'NOERROR', '192.0.2.1']]);
      await stream.closed;
      assert.equal(upstream.asked.length, 1);
    });

    it('does not stay by sending a byte of a query now and then', async () => {
      using slow = await DnsStream.open(bad.tcp);
      using busy = await DnsStream.open(bad.tcp);
      const started = performance.now();
      const state = { isClosed: false };
      void slow.closed.then(() => (state.isClosed = true));
      const bytes = frame(question('web', 'A'));
      for (let at = 0; !state.isClosed && at < bytes.length; at++) {
        slow.socket.write(bytes.subarray(at, at + 1));
        busy.send(question('db', 'A'));
        await wait(20);
      }
      const took = performance.now() - started;
      assert.ok(state.isClosed && took >= IDLE && took < 3 * IDLE, `after ${took} ms`);
      assert.ok(!busy.socket.readableEnded, 'one that asks may stay');
      assert.equal(slow.messages.length, 0);
    });

    it('is told to go when it says that a query has no end, or no beginning', async () => {
      for (const bytes of [[0x10, 0x01], [0, 0], [0xff, 0xff, 1, 2, 3]]) {
        using stream = await DnsStream.open(bad.tcp);
        stream.socket.write(Uint8Array.from(bytes));
        const before = performance.now();
        await stream.closed;
        assert.ok(performance.now() - before < IDLE);
      }
    });

    it('has so many connections and no more: the one silent longest makes room', async () => {
      const streams = await Promise.all(Array.from({ length: 4 }, () => DnsStream.open(bad.tcp)));
      for (const stream of streams) {
        stream.send(question('web', 'A'));
        await stream.received(1);
      }
      streams[0]?.send(question('db', 'A'));
      await streams[0]?.received(2);
      using fifth = await DnsStream.open(bad.tcp);
      await streams[1]?.closed;
      fifth.send(question('web', 'A'));
      assert.equal((await fifth.received(1)).length, 1);
      assert.deepEqual(streams.map(({ socket }) => socket.readableEnded), [false, true, false, false]);
      assert.equal((await counts('bad')).connections, 4);
      assert.deepEqual(await look(good.udp, 'web'), ['NOERROR', '10.1.0.2']);
      for (const stream of streams) stream[Symbol.dispose]();
    });

    it('that reads slowly waits for itself alone, and gets everything', async () => {
      // More than the kernel keeps for both ends.
      const COUNT = 10_000;
      const before = (await counts('bad')).queries;
      using slow = await DnsStream.open(bad.tcp);
      slow.socket.pause();
      slow.socket.write(Buffer.concat(Array.from({ length: COUNT }, (_, id) => frame(question('many', 'A', { id })))));
      await wait(50);
      using other = await DnsStream.open(bad.tcp);
      for (let round = 0; round < 20; round++) {
        other.send(question('web', 'A'));
        await other.received(round + 1);
        assert.deepEqual(await look(good.udp, 'web'), ['NOERROR', '10.1.0.2']);
      }
      assert.ok((await counts('bad')).queries - before < COUNT, 'it is not asked for more than it takes');
      slow.socket.resume();
      await slow.received(COUNT);
      assert.equal(slow.messages.length, COUNT);
    });

    it('that never reads is closed', async () => {
      using deaf = await DnsStream.open(bad.tcp);
      deaf.socket.pause();
      deaf.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(question('many', 'A')))));
      await eventually(async () => (await counts('bad')).connections, (connections) => connections === 0, 4 * IDLE);
      assert.equal((await counts('bad')).connections, 0);
    });

    it('that lets many questions wait is refused, and no other', async () => {
      await using upstream = await Upstream.start('127.0.0.1', ({ name, reply }) => (name.startsWith('silence') ? undefined : reply(addresses(name, ['192.0.2.1']))));
      const before = await counts('bad');
      const answers = Promise.all(Array.from({ length: 50 }, (_, index) => exchange(bad.udp, question(`silence${index}.example`, 'A'))));
      const waiting = await eventually(() => counts('bad'), (now) => now.refused - before.refused === 30);
      assert.deepEqual([waiting.waiting, waiting.refused - before.refused], [20, 30]);
      assert.deepEqual(await look(bad.udp, 'web'), ['NOERROR', '10.1.0.2'], 'what is known here is answered all the same');
      assert.deepEqual(await look(good.udp, 'other.example'), ['NOERROR', '192.0.2.1']);
      const codes = (await answers).map((answer) => (answer?.[3] ?? 0) & 15);
      assert.deepEqual([codes.filter((code) => code === 5).length, codes.filter((code) => code === 2).length], [30, 20]);
      const after = await counts('bad');
      assert.deepEqual([after.waiting, after.timeouts - before.timeouts, after.servfail - before.servfail], [0, 20, 20]);
      assert.ok(upstream.asked.length >= 21);
    });

    it('that asks at a gateway from a neighbour’s address takes nothing of its share', async () => {
      await using upstream = await Upstream.start('127.0.0.1', ({ name, reply }) => (name.startsWith('silence') ? undefined : reply(addresses(name, ['192.0.2.1']))));
      await dns.update([{ change: 'set-endpoint', network: 'front', endpoint: endpoint('e-good', ['good'], ['127.0.0.1'], { asker: 'good' }) }]);
      await dns.listenOnGateway('front', '127.0.9.1');
      using own = await DnsStream.open(good.tcp);
      const forged = Promise.all(Array.from({ length: 50 }, (_, index) => exchange(53, question(`silence${index}.example`, 'A'), { address: '127.0.9.1' })));
      const streams = await Promise.all(Array.from({ length: 8 }, () => DnsStream.open(53, '127.0.9.1')));
      const now = await eventually(() => counts('good'), ({ refused, connections }) => refused === 30 && connections === 5);
      assert.deepEqual([now.refused, now.waiting, now.connections], [30, 20, 5], 'what is asked there counts all the same');
      assert.deepEqual(await look(good.udp, 'more.example'), ['NOERROR', '192.0.2.1']);
      own.send(question('web', 'A'));
      await own.received(1);
      await forged;
      for (const stream of streams) stream[Symbol.dispose]();
      await dns.unlistenOnGateway('front');
      await dns.update([{ change: 'remove-endpoint', network: 'front', endpoint: 'e-good' }]);
      assert.ok(upstream.asked.length > 20);
    });

    it('whose answer cannot be sent keeps no other answer back', async () => {
      const fd = openSocketFd(SOCKET.AF_INET, SOCKET.SOCK_RAW, SOCKET.IPPROTO_UDP, 'forge');
      const query = question('web', 'A');
      // struct udphdr with source port 0; no checksum is fine in IPv4
      const datagram = Buffer.concat([Buffer.from([0, 0, bad.udp >> 8, bad.udp & 255, 0, 8 + query.length, 0, 0]), query]);
      const to = rawSocketAddress(RESOLVER, 0);
      const before = await counts('bad');
      const answers = await Promise.all(Array.from({ length: 20 }, () => {
        trySendTo(fd, datagram, datagram.length, to, to.length);
        return look(bad.udp, 'db');
      }));
      closeFile(fd);
      assert.ok(answers.every(([, address]) => address === '10.1.0.3'));
      const after = await counts('bad');
      assert.deepEqual([after.queries - before.queries, after.dropped - before.dropped], [40, 20]);
    });

    it('may send whatever it likes as fast as it can: its neighbour is answered', async function () {
      const corpus = queryCorpus();
      const packets = Array.from({ length: 5000 }, () => mutate(corpus, random)).filter((packet) => packet.length > 0);
      const streams = Array.from({ length: 4 }, () => DnsStream.open(bad.tcp));
      const attack = flood({ address: RESOLVER, port: bad.udp, packets, time: 1500 });
      for (const stream of await Promise.all(streams)) {
        for (const packet of packets.slice(0, 200)) stream.socket.write(random.below(5) === 0 ? packet : frame(packet));
      }
      const state = { isOver: false };
      void attack.then(() => (state.isOver = true));
      const times: number[] = [];
      while (!state.isOver) {
        const started = performance.now();
        assert.deepEqual(await look(good.udp, 'web'), ['NOERROR', '10.1.0.2']);
        times.push(performance.now() - started);
        await wait(1);
      }
      const sent = await attack;
      for (const stream of streams) (await stream)[Symbol.dispose]();
      const [p50 = 0, p99 = 0] = [0.5, 0.99].map((part) => times.toSorted((a, b) => a - b)[Math.floor(times.length * part)]);
      assert.ok(sent > 20_000 && times.length > 100, `${sent} packets, ${times.length} questions`);
      // Both ends and the flood share the processors with whatever else runs; in a queue behind the flood nothing would come at all.
      assert.ok(p50 < 20 && p99 < 250, `${p50} and ${p99} ms of ${times.length} questions beside ${sent} packets`);
      const { queries, local, forwarded, cached, refused, dropped, malformed } = await counts('bad');
      assert.ok(queries > 10_000);
      assert.ok(local + forwarded + cached + refused + dropped + malformed > 0);
    });
  });
});
