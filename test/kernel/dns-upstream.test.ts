import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Asker } from '../../src/dns/names.ts';
import type { DnsServer } from '../../src/dns/dns-server.ts';
import { openDnsServer } from '../../src/dns/open-dns-server.ts';
import { HOST } from '../../src/kernel/op.ts';
import { ask, DnsStream, look } from '../support/dns-client.ts';
import { asker, question } from '../support/dns-questions.ts';
import { addresses, Upstream } from '../support/dns-upstream.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';

/** Shorter than what people get, in ms, and long beside what a busy machine makes of a question. */
const PATIENCE = 300;
const SHUNNED = 500;

/** A program that runs until disposed. */
function start(command: readonly string[]): AsyncDisposable {
  const [file = '', ...args] = command;
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', file, ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** dnsmasq at port 53 of an address, with nothing but what it is told; resolves when it answers. */
async function dnsmasq(address: string, ...flags: readonly string[]): Promise<AsyncDisposable> {
  const server = start(['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${address}`, '--pid-file=', '--user=root', ...flags]);
  await eventually(() => ask(53, 'version.bind', 'TXT', { class: 'CH', address, timeoutMs: 50 }).then(() => true, () => false), Boolean);
  return server;
}

inPrivateNamespace(import.meta.filename, () => {
  describe('names that nobody has here', () => {
    let folder = '';
    let dns: DnsServer;
    let udp = 0;
    let tcp = 0;
    const resolvConf = (): string => join(folder, 'resolv.conf');

    const setAsker = (rest: Partial<Asker>): Promise<void> => dns.update([{ change: 'set-asker', asker: asker([], { id: 'me', namespace: HOST, ...rest }) }]);

    beforeEach(async () => {
      folder = mkdtempSync('/run/dns-');
      writeFileSync(resolvConf(), 'nameserver 127.0.53.1\nnameserver 127.0.53.2\n');
      dns = await openDnsServer({ resolvConf: resolvConf(), limits: { patience: PATIENCE, shunned: SHUNNED } });
      ({ udp, tcp } = await dns.listen('me', HOST));
      await setAsker({});
    });

    afterEach(async () => {
      await dns[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    it('come from dnsmasq: answers, absence, refusals, and by TCP what is long', async () => {
      const long = Array.from({ length: 6 }, () => 'x'.repeat(250)).join(',');
      await using first = await dnsmasq('127.0.53.1', '--address=/here.example/192.0.2.1', '--local=/gone.example/', '--local-ttl=77', `--txt-record=long.example,${long}`);
      await using second = await dnsmasq('127.0.53.2', '--address=/second.example/192.0.2.2');
      void [first, second];
      assert.deepEqual(await look(udp, 'here.example'), ['NOERROR', '192.0.2.1']);
      assert.deepEqual(await look(udp, 'gone.example'), ['NXDOMAIN']);
      assert.deepEqual(await look(udp, 'second.example'), ['NOERROR', '192.0.2.2'], 'the first has refused it');
      assert.deepEqual(await look(udp, 'neither.example'), ['SERVFAIL'], 'both have refused it');
      const { answers } = await ask(udp, 'here.example');
      assert.ok(((answers?.[0] as { readonly ttl: number } | undefined)?.ttl ?? 0) >= 76);
      const short = (await ask(udp, 'long.example', 'TXT', { udpSize: 1232 })) as { readonly flag_tc?: boolean };
      assert.equal(short.flag_tc, true);
      using stream = await DnsStream.open(tcp);
      stream.send(question('long.example', 'TXT'));
      const [whole] = await stream.received(1);
      assert.equal((whole?.answers?.[0] as { readonly data: readonly Buffer[] } | undefined)?.data.length, 6);
    });

    it('are remembered as long as unbound says, and that they are not there', async () => {
      const config = join(folder, 'unbound.conf');
      writeFileSync(config, `server:
        do-daemonize: no\n chroot: ""\n username: ""\n directory: "${folder}"\n pidfile: ""\n use-syslog: no\n verbosity: 0\n interface: 127.0.53.1\n do-ip6: no
        local-zone: "corp." static
        local-data: "corp. 3600 IN SOA ns.corp. root.corp. 1 2 3 4 2"
        local-data: "web.corp. 1 IN A 192.0.2.9"
        remote-control:\n control-enable: no\n`);
      await using server = start(['unbound', '-c', config]);
      void server;
      await eventually(() => look(53, 'web.corp', 'A', { address: '127.0.53.1', timeoutMs: 50 }).catch(() => []), (answer) => answer.length > 0);
      const cached = async (): Promise<number> => (await dns.stats()).all.cached;
      assert.deepEqual(await look(udp, 'web.corp'), ['NOERROR', '192.0.2.9']);
      assert.deepEqual(await look(udp, 'nothing.corp'), ['NXDOMAIN']);
      assert.deepEqual([await look(udp, 'web.corp'), await look(udp, 'nothing.corp')], [['NOERROR', '192.0.2.9'], ['NXDOMAIN']]);
      assert.equal(await cached(), 2);
      await wait(1050);
      await look(udp, 'web.corp');
      await look(udp, 'nothing.corp');
      assert.equal(await cached(), 3, 'its second is over, that of the other is not');
      await wait(1000);
      await look(udp, 'nothing.corp');
      assert.equal(await cached(), 3);
    });

    it('come from whatever servers the host has at the moment', async () => {
      const script = (address: string) => ({ name, reply }: { readonly name: string; readonly reply: (answers: ReturnType<typeof addresses>) => Buffer }) => reply(addresses(name, [address]));
      await using one = await Upstream.start('127.0.53.1', script('192.0.2.1'));
      await using two = await Upstream.start('127.0.53.3', script('192.0.2.3'));
      await using local = await Upstream.start('127.0.0.1', script('192.0.2.127'));
      void [one, two, local];
      const becomes = (expected: string): Promise<readonly string[]> => eventually(() => look(udp, 'a.example'), ([, address]) => address === expected);
      assert.deepEqual(await look(udp, 'a.example'), ['NOERROR', '192.0.2.1']);
      writeFileSync(resolvConf(), '# rewritten\nsearch x\nnameserver 127.0.53.3\n');
      assert.deepEqual(await becomes('192.0.2.3'), ['NOERROR', '192.0.2.3']);
      writeFileSync(join(folder, 'elsewhere'), 'nameserver 127.0.53.1\n');
      symlinkSync('elsewhere', join(folder, 'next'));
      renameSync(join(folder, 'next'), resolvConf());
      assert.deepEqual(await becomes('192.0.2.1'), ['NOERROR', '192.0.2.1'], 'a link that took its place');
      writeFileSync(join(folder, 'new'), 'nameserver 127.0.53.3\n');
      renameSync(join(folder, 'new'), join(folder, 'elsewhere'));
      assert.deepEqual(await becomes('192.0.2.3'), ['NOERROR', '192.0.2.3'], 'what the link leads to was replaced');
      rmSync(resolvConf());
      assert.deepEqual(await becomes('192.0.2.127'), ['NOERROR', '192.0.2.127'], 'without the file it is the machine itself');
    });

    it('come from the sandbox’s own servers, asked from its namespace', async () => {
      await run(['ip', '-batch', '-'], { input: 'netns add inner\nlink add to-inner type veth peer name eth0 netns inner\naddress add 10.9.0.1/24 dev to-inner\nlink set to-inner up addrgenmode none\naddress add fe80::1/64 dev to-inner nodad\n' });
      await run(['ip', '-n', 'inner', '-batch', '-'], { input: 'link set lo up\naddress add 10.9.0.2/24 dev eth0\nlink set eth0 up addrgenmode none\naddress add fe80::2/64 dev eth0 nodad\n' });
      await using near = await Upstream.start('10.9.0.1', ({ name, reply }) => reply(addresses(name, ['192.0.2.4'])));
      await using linkLocal = await Upstream.start('fe80::1%to-inner', ({ name, reply }) => reply(addresses(name, ['192.0.2.6'])));
      void near;
      const namespace = '/run/netns/inner';
      await setAsker({ namespace, servers: ['10.9.0.1'], mayUseHostServers: false });
      assert.deepEqual(await look(udp, 'a.example'), ['NOERROR', '192.0.2.4']);
      await setAsker({ namespace, servers: ['fe80::1%eth0'] });
      assert.deepEqual(await look(udp, 'a.example'), ['NOERROR', '192.0.2.6']);
      assert.equal(linkLocal.asked.length, 1);
      for (const servers of [['fe80::1%nix'], ['203.0.113.1'], ['127.0.0.11']]) {
        await setAsker({ namespace, servers });
        assert.deepEqual(await look(udp, 'b.example'), ['SERVFAIL'], servers[0]);
      }
      const { dev, ino } = statSync(namespace, { bigint: true });
      await setAsker({ namespace, identity: `${dev}:${ino}`, servers: ['10.9.0.1'] });
      assert.deepEqual(await look(udp, 'c.example'), ['NOERROR', '192.0.2.4']);
      await setAsker({ namespace, identity: `${dev}:${ino + 1n}`, servers: ['10.9.0.1'] });
      assert.deepEqual(await look(udp, 'd.example'), ['SERVFAIL'], 'what stands at the path now is somebody else’s');
      await setAsker({ namespace: '/run/netns/gone', servers: ['10.9.0.1'] });
      assert.deepEqual(await look(udp, 'b.example'), ['SERVFAIL']);
      assert.equal((await dns.stats()).all.timeouts, 0, 'nobody has waited for what cannot be reached');
    });

    it('are not those that another sandbox of the same name has heard', async () => {
      // Root in a namespace can answer for any server that is asked from there.
      let said = '192.0.2.66';
      await using server = await Upstream.start('127.0.53.7', ({ name, reply }) => reply(addresses(name, [said], 3600)));
      const again = { namespace: HOST, servers: ['127.0.53.7'] };
      await setAsker(again);
      assert.deepEqual(await look(udp, 'bank.example'), ['NOERROR', '192.0.2.66']);
      said = '192.0.2.1';
      assert.deepEqual(await look(udp, 'bank.example'), ['NOERROR', '192.0.2.66'], 'it hears what it has heard');
      const ports = await dns.listen('next', HOST);
      await dns.update([{ change: 'remove-asker', id: 'me' }, { change: 'set-asker', asker: asker([], { id: 'next', ...again }) }]);
      assert.deepEqual(await look(ports.udp, 'bank.example'), ['NOERROR', '192.0.2.1']);
      const byHand = await dns.listen('by-hand', HOST);
      await dns.update([{ change: 'set-asker', asker: asker([], { id: 'by-hand', sharesAnswersOf: 'next', ...again }) }]);
      said = '192.0.2.2';
      assert.deepEqual(await look(byHand.udp, 'bank.example'), ['NOERROR', '192.0.2.1']);
      assert.equal(server.asked.length, 2);
    });

    it('are asked for once when many ask at once', async () => {
      await using server = await Upstream.start('127.0.53.1', async ({ name, reply }) => {
        await wait(30);
        return reply(addresses(name, ['192.0.2.1']));
      });
      const answers = await Promise.all(Array.from({ length: 40 }, () => look(udp, 'popular.example')));
      assert.ok(answers.every(([, address]) => address === '192.0.2.1'));
      assert.equal(server.asked.length, 1);
    });

    it('are asked for by ids and ports that nobody can guess', async () => {
      await using server = await Upstream.start('127.0.53.1', ({ name, reply }) => reply(addresses(name, ['192.0.2.1'])));
      for (let index = 0; index < 30; index++) await look(udp, `n${index}.example`);
      for (const drawn of [server.asked.map(({ port }) => port), server.asked.map(({ packet }) => packet.id ?? 0)]) {
        assert.ok(new Set(drawn).size > 25, drawn.join(' '));
        const steps = drawn.slice(1).map((value, index) => Math.abs(value - (drawn[index] ?? 0)));
        assert.ok(steps.filter((step) => step < 20).length < 5, `one leads to the next: ${drawn.join(' ')}`);
      }
    });

    it('are believed of nobody who has not been asked', async () => {
      const forger = createSocket('udp4');
      forger.bind(0, '127.0.53.2');
      await once(forger, 'listening');
      await using server = await Upstream.start('127.0.53.1', async ({ name, packet, port, reply }) => {
        const forged = addresses(name, ['192.0.2.66']);
        for (const forgery of [reply(forged), reply(forged)]) forger.send(forgery, port, '127.0.0.1');
        await wait(20);
        return [
          reply(forged, { id: ((packet.id ?? 0) + 1) & 0xffff }),
          reply(forged, { questions: [{ name: `x${name}`, type: 'A', class: 'IN' }] }),
          reply(forged, { questions: [{ name, type: 'AAAA', class: 'IN' }] }),
          reply(forged, { type: 'query' }),
          Buffer.from('nonsense'),
          reply(addresses(name, ['192.0.2.1'])),
        ];
      });
      assert.deepEqual(await look(udp, 'bank.example'), ['NOERROR', '192.0.2.1']);
      assert.equal(server.asked.length, 1);
      forger.close();
    });

    it('are not waited for because of one silent server', async () => {
      await using silent = await Upstream.start('127.0.53.1', () => undefined);
      await using good = await Upstream.start('127.0.53.2', ({ name, reply }) => reply(addresses(name, ['192.0.2.2'])));
      const timed = async (name: string): Promise<number> => {
        const before = performance.now();
        assert.deepEqual(await look(udp, name), ['NOERROR', '192.0.2.2']);
        return performance.now() - before;
      };
      assert.ok((await timed('first.example')) >= PATIENCE, 'the first one has to find out');
      const next = await Promise.all(Array.from({ length: 10 }, (_, index) => timed(`next${index}.example`)));
      assert.ok(Math.max(...next) < PATIENCE, next.join(' '));
      await wait(SHUNNED);
      const asked = silent.asked.length;
      assert.ok((await timed('later.example')) < PATIENCE, 'it was tried again, and nobody waited for it');
      assert.equal(silent.asked.length, asked + 1);
      assert.equal(good.asked.length, 12);
    });

    it('are SERVFAIL when no server says a word, in time for the asker to hear it', async () => {
      await using silent = await Upstream.start('127.0.53.1', () => undefined);
      void silent;
      const before = performance.now();
      assert.deepEqual(await look(udp, 'a.example'), ['SERVFAIL']);
      const took = performance.now() - before;
      assert.ok(took >= PATIENCE && took < 10 * PATIENCE, `${took} ms`);
    });
  });
});
