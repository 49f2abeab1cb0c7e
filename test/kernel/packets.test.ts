import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Announce, Op } from '../../src/kernel/op.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';
import { eventually } from '../support/eventually.ts';

const blue = '/run/netns/blue';

/** What a command of ip says about one neighbour. */
async function neighbour(address: string): Promise<string> {
  return (await run(['ip', 'neighbour', 'show', address, 'dev', 'v0'])).stdout;
}

/** Waits until the answer contains the text. */
async function until(ask: () => Promise<string>, text: string, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  for (let said = await ask(); !said.includes(text); said = await ask()) {
    assert.ok(performance.now() < deadline, `no '${text}' within ${ms} ms: ${said}`);
    await delay(10);
  }
}

/** Makes the neighbours believe something wrong. */
const forgetful = async (address: string): Promise<void> =>
  void (await run(['ip', 'neighbour', 'replace', address, 'lladdr', '02:99:99:99:99:99', 'dev', 'v0', 'nud', 'stale']));

const dial = async (port: number, host: string): Promise<void> => {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.send('x', port, host, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
  socket.close();
};

inPrivateNamespace(import.meta.filename, () => {
  describe('announcements', () => {
    let kernel: Kernel;
    const announce: Announce = { op: 'announce', namespace: blue, link: 'eth0', address: '10.9.0.2', mac: '02:00:00:00:00:02', count: 1, interval: 100 };

    beforeEach(async () => {
      kernel = await openKernel();
      const ops: Op[] = [
        { op: 'namespace-add', name: 'blue' },
        { op: 'link-add', namespace: HOST, name: 'v0', kind: { type: 'veth', peer: { namespace: blue, name: 'eth0', mac: '02:00:00:00:00:02' } }, up: true },
        { op: 'address-add', namespace: HOST, link: 'v0', address: '10.9.0.1/24' },
        { op: 'address-add', namespace: HOST, link: 'v0', address: 'fd00:9::1/64' },
        { op: 'link-set', namespace: blue, name: 'eth0', up: true },
        { op: 'address-add', namespace: blue, link: 'eth0', address: '10.9.0.2/24' },
        { op: 'address-add', namespace: blue, link: 'eth0', address: 'fd00:9::2/64' },
      ];
      await kernel.apply(ops);
    });

    afterEach(async () => {
      await kernel.apply([{ op: 'namespace-delete', name: 'blue' }, { op: 'link-delete', namespace: HOST, name: 'v0' }]);
      await kernel[Symbol.asyncDispose]();
    });

    for (const address of ['10.9.0.2', 'fd00:9::2']) {
      it(`correct what neighbours believe about ${address}`, async () => {
        await forgetful(address);
        await kernel.apply([{ ...announce, address }]);
        await until(async () => neighbour(address), '02:00:00:00:00:02', 1000);
      });

      it(`are heard before apply returns, if urgent (${address})`, async () => {
        await forgetful(address);
        await kernel.apply([{ ...announce, address, urgent: true }]);
        assert.match(await neighbour(address), /02:00:00:00:00:02/);
      });

      it(`are repeated when they are due (${address})`, async () => {
        await kernel.apply([{ ...announce, address, count: 3, interval: 250, urgent: true }]);
        for (let round = 0; round < 2; round++) {
          await forgetful(address);
          await until(async () => neighbour(address), '02:00:00:00:00:02', 2000);
        }
        // There is no fourth.
        await forgetful(address);
        await delay(500);
        assert.match(await neighbour(address), /02:99/);
      });
    }

    it('do not keep a namespace alive, and end with it', async () => {
      await kernel.apply([{ ...announce, count: 100, interval: 50 }]);
      await kernel.apply([{ op: 'namespace-delete', name: 'blue' }]);
      await until(async () => ((await kernel.snapshot([HOST]))[0]?.links.some(({ name }) => name === 'v0') === true ? 'there' : 'gone'), 'gone', 5000);
      await delay(150);
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
    });

    it('name the operation when the first one cannot be sent', async () => {
      await assert.rejects(kernel.apply([{ ...announce, urgent: true, link: 'nix' }]), /announce 10\.9\.0\.2 at 'nix' in \/run\/netns\/blue: there is no link 'nix'/);
      await kernel.apply([{ op: 'link-set', namespace: blue, name: 'eth0', up: false }]);
      await assert.rejects(kernel.apply([{ ...announce, urgent: true }]), /ENETDOWN/);
    });
  });

  describe('flows', () => {
    let kernel: Kernel;

    before(async () => {
      kernel = await openKernel();
      await kernel.apply([
        { op: 'nft', script: 'table ip t { chain o { type nat hook output priority -100\n udp dport 5353 dnat to 127.0.0.1:5300\n }\n chain c { type filter hook input priority 0\n ct state new counter\n }\n }' },
        { op: 'nft', script: 'table ip6 t { chain c { type filter hook input priority 0\n ct state new counter\n }\n }' },
      ]);
    });

    after(async () => {
      await kernel[Symbol.asyncDispose]();
    });

    const flows = async (): Promise<number> => Number(await kernel.sysctl(HOST, 'net/netfilter/nf_conntrack_count'));

    it('to a port are forgotten, by what the client dialled', async () => {
      await dial(5353, '127.0.0.1');
      await dial(5353, '127.0.0.1');
      await dial(7777, '127.0.0.1');
      assert.equal(await flows(), 3);
      // 5300 is where they were translated to, not what was dialled.
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp', originalPort: 5300 }] }]);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'tcp', originalPort: 5353 }] }]);
      await kernel.apply([{ op: 'conntrack-flush', family: 6, flows: [{ protocol: 'udp', originalPort: 5353 }] }]);
      assert.equal(await flows(), 3);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp', originalPort: 5353 }] }]);
      assert.equal(await flows(), 1);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp', originalPort: 7777 }], address: '127.0.0.9' }]);
      assert.equal(await flows(), 1);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp', originalPort: 7777 }], address: '127.0.0.1' }]);
      assert.equal(await flows(), 0);
    });

    it('of an address are forgotten, dialled or translated to', async () => {
      await run(['nft', 'add rule ip t o udp dport 6000 ip daddr 127.0.0.5 dnat to 127.0.0.6:6001']);
      await dial(6000, '127.0.0.5');
      await dial(6002, '127.0.0.7');
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp' }], address: '127.0.0.6' }]);
      assert.equal(await flows(), 1);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp' }], address: '127.0.0.7' }]);
      assert.equal(await flows(), 0);
    });

    it('to any of many ports are forgotten in the time that one takes', async () => {
      const forget = async (originalPorts: readonly number[]): Promise<number> => {
        const started = performance.now();
        await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: originalPorts.flatMap((originalPort) => [{ protocol: 'udp', originalPort }, { protocol: 'tcp', originalPort }] as const) }]);
        return performance.now() - started;
      };
      for (const port of [6100, 6101, 6102]) await dial(port, '127.0.0.1');
      const one = await forget([6102]);
      assert.equal(await flows(), 2);
      const many = await forget(Array.from({ length: 2000 }, (_, index) => 6101 + index));
      assert.equal(await flows(), 1);
      assert.ok(many < 10 * one + 100, `${many} ms for 2000 ports, ${one} ms for one`);
      await forget([6100]);
      assert.equal(await flows(), 0);
    });

    it('to, from or translated to a block of addresses are forgotten, and no others', async () => {
      await run(['nft', 'add rule ip t o udp dport 6010 dnat to 127.0.33.6:6001']);
      for (const [port, address] of [[6002, '127.0.33.1'], [6002, '127.0.32.255'], [6002, '127.0.34.1'], [6010, '127.0.0.9'], [6002, '::1']] as const) await dial(port, address);
      assert.equal(await flows(), 5);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [], to: ['127.0.33.0/24'] }]);
      assert.equal(await flows(), 3);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [], to: ['127.0.34.1/32'], from: ['10.0.0.0/8'] }]);
      assert.equal(await flows(), 2);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [], from: ['127.0.0.0/9'] }]);
      assert.equal(await flows(), 1);
      await kernel.apply([{ op: 'conntrack-flush', family: 6, flows: [], to: ['::/127'] }]);
      assert.equal(await flows(), 0);
    });

    it('of IPv6 and of tcp too, thousands at a time', async () => {
      await dial(5353, '::1');
      await kernel.apply([{ op: 'conntrack-flush', family: 6, flows: [{ protocol: 'udp', originalPort: 5353 }], address: '::1' }]);
      assert.equal(await flows(), 0);
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
      const client = connect(port, '127.0.0.1');
      await once(client, 'connect');
      assert.equal(await flows(), 1);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'tcp', originalPort: port }] }]);
      assert.equal(await flows(), 0);
      client.destroy();
      server.close();
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'tcp' }] }]);
      const many = createSocket('udp4');
      const sent: Promise<void>[] = [];
      for (let i = 0; i < 3000; i++) sent.push(new Promise((resolve) => many.send('x', 10_000 + i, '127.0.0.1', () => resolve())));
      await Promise.all(sent);
      many.close();
      // The kernel notes them when it gets round to it: one that it notes after the flush is none that was missed.
      assert.equal(await eventually(flows, (count) => count === 3000), 3000);
      await kernel.apply([{ op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp' }] }]);
      assert.equal(await flows(), 0);
    });
  });
});
