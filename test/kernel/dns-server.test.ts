import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DnsServer } from '../../src/dns/dns-server.ts';
import { openDnsServer } from '../../src/dns/open-dns-server.ts';
import { HOST } from '../../src/kernel/op.ts';
import { ask, DnsStream, exchange, look, RESOLVER } from '../support/dns-client.ts';
import { asker, DB, endpoint, network, question, WEB } from '../support/dns-questions.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

const OPEN_DNS_SERVER = fileURLToPath(new URL('../../src/dns/open-dns-server.ts', import.meta.url));
const BOX = '/run/netns/box';

/** Runs dig in a namespace of this host and gives what it printed. */
async function dig(namespace: string, ...args: readonly string[]): Promise<string> {
  return (await run(['ip', 'netns', 'exec', namespace, 'dig', `@${RESOLVER}`, '+tries=1', '+time=2', ...args])).stdout;
}

/** A hundred addresses: more than 1232 bytes carry. */
const MANY = endpoint('e-many', ['many'], Array.from({ length: 100 }, (_, index) => `10.1.1.${index + 1}`));

inPrivateNamespace(import.meta.filename, () => {
  describe('the name server', () => {
    let dns: DnsServer;

    before(async () => {
      await run(['ip', '-batch', '-'], { input: 'netns add box\nnetns add other\n' });
      await run(['ip', '-n', 'box', 'link', 'set', 'lo', 'up']);
      dns = await openDnsServer();
      await dns.update([
        { change: 'set-network', network: network('front', [WEB, DB, MANY], { subnets: ['10.1.0.0/16'], hostAddresses: ['10.1.0.1'] }) },
        { change: 'set-asker', asker: asker(['front'], { id: 's-web', namespace: BOX, mayUseHostServers: false }) },
      ]);
    });

    after(async () => {
      await dns[Symbol.asyncDispose]();
    });

    it('answers dig inside a sandbox, by UDP and TCP', async () => {
      const { udp, tcp } = await dns.listen('s-web', BOX);
      assert.match(await dig('box', '-p', String(udp), 'web.front', 'AAAA'), /status: NOERROR[\s\S]*EDNS: version: 0, flags:; udp: 1232[\s\S]*web\.front\.\s+0\s+IN\s+AAAA\s+fd00:1::2/);
      assert.doesNotMatch(await dig('box', '-p', String(udp), '+noedns', 'web'), /EDNS/);
      assert.equal(await dig('box', '-p', String(tcp), '+tcp', '+short', '-x', '10.1.0.3'), 'db.front.\n');
      assert.match(await dig('box', '-p', String(udp), 'nobody'), /status: NXDOMAIN/);
    });

    it('gives no more than the asker can take, and all of it by TCP', async () => {
      const { udp, tcp } = await dns.listen('s-web', BOX);
      const lengths = await Promise.all([['+noedns'], ['+bufsize=900'], ['+bufsize=4096'], ['+tcp']].map(async (how) => {
        const port = how[0] === '+tcp' ? tcp : udp;
        const text = await dig('box', '-p', String(port), '+ignore', ...how, 'many');
        return [Number(/MSG SIZE\s+rcvd: (\d+)/.exec(text)?.[1]), /flags:[^;]* tc/.test(text)] as const;
      }));
      assert.deepEqual(lengths.map(([, truncated]) => truncated), [true, true, true, false]);
      for (const [index, most] of [512, 900, 1232].entries()) {
        const length = lengths[index]?.[0] ?? 0;
        assert.ok(length > most - 16 && length <= most, `${length} bytes of ${most}`);
      }
      assert.equal(lengths[3]?.[0], 12 + 10 + 100 * 16 + 11);
    });

    it('answers many queries of one connection', async () => {
      const { tcp } = await dns.listen('s-web', BOX);
      const text = await dig('box', '-p', String(tcp), '+tcp', '+keepopen', '+short', 'web', 'db', 'web.front', 'DB.front');
      assert.equal(text, '10.1.0.2\n10.1.0.3\n10.1.0.2\n10.1.0.3\n');
    });

    it('sees every change from the moment on that it is confirmed', async () => {
      const { udp } = await dns.listen('s-host', HOST);
      await dns.update([{ change: 'set-asker', asker: asker(['front'], { id: 's-host', mayUseHostServers: false }) }]);
      for (let round = 0; round < 50; round++) {
        const fleeting = endpoint('e-fleeting', ['fleeting'], [`10.1.2.${round}`]);
        await dns.update([{ change: 'set-endpoint', network: 'front', endpoint: fleeting }]);
        assert.deepEqual(await look(udp, 'fleeting'), ['NOERROR', `10.1.2.${round}`]);
        await dns.update([{ change: 'remove-endpoint', network: 'front', endpoint: 'e-fleeting' }]);
        assert.deepEqual(await look(udp, 'fleeting'), ['NXDOMAIN']);
      }
      await rejects(dns.update([{ change: 'set-endpoint', network: 'front', endpoint: endpoint('x', ['x'], ['nowhere']) }]), 'INVALID', /nowhere/);
    });

    it('follows an asker that is removed and comes again while it is served', async () => {
      const { udp } = await dns.listen('s-again', HOST);
      assert.deepEqual(await look(udp, 'web'), ['REFUSED']);
      await dns.update([{ change: 'set-asker', asker: asker(['front'], { id: 's-again' }) }]);
      assert.deepEqual(await look(udp, 'web'), ['NOERROR', '10.1.0.2']);
      await dns.update([{ change: 'remove-asker', id: 's-again' }]);
      assert.deepEqual(await look(udp, 'web'), ['REFUSED']);
      await dns.update([{ change: 'set-asker', asker: asker(['front'], { id: 's-again' }) }]);
      assert.deepEqual(await look(udp, 'web'), ['NOERROR', '10.1.0.2']);
      await dns.unlisten('s-again');
    });

    it('keeps its ports as long as the namespace is the same', async () => {
      const ports = await dns.listen('s-web', BOX);
      assert.deepEqual(await dns.listen('s-web', BOX), ports);
      await rejects(dns.listen('s-web', '/run/netns/nowhere'), 'NOT_FOUND', /nowhere/);
      assert.match(await dig('box', '-p', String(ports.udp), '+short', 'web'), /10\.1\.0\.2/, 'a refused move changes nothing');
      await rejects(dns.listen('s-web', '/run/netns/other'), 'KERNEL', /`lo` is down/);
      await run(['ip', '-n', 'other', 'link', 'set', 'lo', 'up']);
      const elsewhere = await dns.listen('s-web', '/run/netns/other');
      assert.match(await dig('other', '-p', String(elsewhere.udp), '+short', 'web'), /10\.1\.0\.2/);
      assert.equal((await run(['ip', 'netns', 'exec', 'box', 'cat', '/proc/net/udp'])).stdout.trim().split('\n').length, 1, 'nothing is left behind');
    });

    it('closes what it has opened, connections too', async () => {
      const open = (): number => readdirSync('/proc/self/fd').length;
      const before = open();
      const { udp, tcp } = await dns.listen('s-gone', HOST);
      {
        using stream = await DnsStream.open(tcp);
        stream.send(question('web', 'A'));
        await stream.received(1);
        await dns.unlisten('s-gone');
        await dns.unlisten('s-gone');
        await stream.closed;
      }
      assert.equal(await exchange(udp, question('web', 'A'), { timeoutMs: 100 }), undefined);
      await assert.rejects(DnsStream.open(tcp), /ECONNREFUSED/);
      assert.equal(await eventually(async () => open(), (now) => now <= before), before);
    });

    it('knows who asks at a gateway by the source address', async () => {
      await run(['ip', '-batch', '-'], { input: ['10.1.0.1/24', '10.1.0.2/32', '10.1.0.3/32', 'fd00:1::1/128', 'fd00:1::2/128'].map((address) => `address add ${address} dev lo`).join('\n') });
      await dns.listenOnGateway('front', '10.1.0.1');
      await dns.listenOnGateway('front', '10.1.0.1');
      await dns.listenOnGateway('front', 'fd00:1::1');
      const from = (source: string, gateway: string, ...how: readonly string[]): Promise<string> =>
        run(['dig', `@${gateway}`, '-b', source, '+tries=1', '+time=2', ...how, 'db']).then(({ stdout }) => stdout);
      for (const how of [[], ['+tcp']]) {
        assert.match(await from('10.1.0.2', '10.1.0.1', ...how), /10\.1\.0\.3/);
        assert.match(await from('fd00:1::2', 'fd00:1::1', ...how), /10\.1\.0\.3/);
        assert.match(await from('10.1.0.3', '10.1.0.1', ...how), /status: REFUSED/, 'an endpoint of nobody that is served');
        assert.match(await from('10.1.0.1', '10.1.0.1', ...how), /status: REFUSED/);
      }
      await dns.update([{ change: 'set-endpoint', network: 'front', endpoint: { ...DB, asker: 's-web' } }]);
      assert.match(await from('10.1.0.3', '10.1.0.1'), /10\.1\.0\.3/, 'what it knows of addresses follows the names');
      await dns.unlistenOnGateway('front');
      await dns.unlistenOnGateway('front');
      assert.equal(await exchange(53, question('db', 'A'), { address: '10.1.0.1', timeoutMs: 100 }), undefined);
    });

    it('says who has the port of a gateway', async () => {
      const other = createSocket('udp4');
      other.bind(53, '0.0.0.0');
      await once(other, 'listening');
      await rejects(dns.listenOnGateway('front', '10.1.0.1'), 'IN_USE', /port 53 of 10\.1\.0\.1 is held by \S+ \(process \d+\)/, new RegExp(`process ${process.pid}\\b`), /dnsmasq: bind-dynamic/);
      other.close();
      await once(other, 'close');
      await dns.listenOnGateway('front', '10.1.0.1');
      await dns.unlistenOnGateway('front');
    });

    it('counts what was asked, by asker and in all', async () => {
      const { udp, tcp } = await dns.listen('s-counted', HOST);
      await dns.update([{ change: 'set-asker', asker: asker(['front'], { id: 's-counted', mayUseHostServers: false }) }]);
      const before = (await dns.stats()).all;
      await look(udp, 'web');
      await look(udp, 'nothing.in-addr.arpa', 'PTR');
      await look(udp, 'web', 'AXFR');
      await exchange(udp, Uint8Array.from(question('web', 'A').slice(0, 20)));
      await exchange(udp, Uint8Array.of(1, 2, 3), { timeoutMs: 20 });
      await exchange(udp, new Uint8Array(5000), { timeoutMs: 20 });
      using stream = await DnsStream.open(tcp);
      stream.send(question('nobody', 'A'));
      await stream.received(1);
      const { all, askers } = await dns.stats();
      const mine = askers.find(({ id }) => id === 's-counted');
      assert.ok(mine !== undefined);
      const { latency, ...counts } = mine;
      assert.deepEqual(counts, {
        id: 's-counted', queries: 7, local: 3, forwarded: 0, cached: 0, nxdomain: 2, servfail: 0, refused: 1, dropped: 2, malformed: 1, timeouts: 0, waiting: 0, connections: 1,
      });
      assert.equal(latency.reduce((sum, count) => sum + count, 0), 5);
      assert.equal(all.queries - before.queries, 7);
      await dns.unlisten('s-counted');
      await dns.update([{ change: 'remove-asker', id: 's-counted' }]);
      assert.equal((await dns.stats()).all.queries, all.queries, 'what is gone has been asked all the same');
    });

    it('refuses everything after it was closed, and lets go of everything', async () => {
      const held = (): number[] => ['fd', 'task'].map((kind) => readdirSync(`/proc/self/${kind}`).length);
      const openAndClose = async (): Promise<DnsServer> => {
        const server = await openDnsServer();
        const { tcp } = await server.listen('a', HOST);
        using stream = await DnsStream.open(tcp);
        await server[Symbol.asyncDispose]();
        await stream.closed;
        return server;
      };
      await openAndClose();
      const before = held();
      const server = await openAndClose();
      await server[Symbol.asyncDispose]();
      assert.deepEqual(held(), before);
      await rejects(server.stats(), 'UNAVAILABLE', /closed/);
    });

    it('keeps a process alive only while somebody waits for an answer', async () => {
      const script = `import { openDnsServer } from ${JSON.stringify(OPEN_DNS_SERVER)};
        const dns = await openDnsServer();
        console.log(typeof (await dns.listen('a', 'host')).udp);`;
      assert.equal((await run([process.execPath, '--input-type=module', '-e', script])).stdout, 'number\n');
      assert.equal((await run([process.execPath, '--input-type=module', '-e', `${script}\nprocess.exit(0);`])).stdout, 'number\n');
    });

    it('is not idle at the expense of the processor', async () => {
      const script = `import { openDnsServer } from ${JSON.stringify(OPEN_DNS_SERVER)};
        const dns = await openDnsServer();
        await dns.listen('a', 'host');
        await new Promise((resolve) => setTimeout(resolve, 300));
        const before = process.cpuUsage();
        await new Promise((resolve) => setTimeout(resolve, 700));
        const { user, system } = process.cpuUsage(before);
        console.log(user + system);`;
      const used = Number((await run([process.execPath, '--input-type=module', '-e', script])).stdout);
      assert.ok(used < 35_000, `${used} µs of 0.7 s`);
    });

    it('answers IPv6 questions and reads back what two codecs agree on', async () => {
      const { udp } = await dns.listen('s-host', HOST);
      const packet = await ask(udp, 'WeB.FrOnT', 'AAAA', { udpSize: 1232, dnssecOk: true });
      assert.equal(packet.questions?.[0]?.name, 'WeB.FrOnT');
      assert.ok(packet.additionals?.[0]?.type === 'OPT' && packet.additionals[0].flag_do);
    });
  });
});
