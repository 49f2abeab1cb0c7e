import assert from 'node:assert/strict';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { LinkAdd, Op } from '../../src/kernel/op.ts';
import type { LinkSnapshot } from '../../src/kernel/snapshot.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

inPrivateNamespace(import.meta.filename, () => {
  describe('links, addresses and routes', () => {
    let kernel: Kernel;
    const blue = '/run/netns/blue';
    const bridge: LinkAdd = { op: 'link-add', namespace: HOST, name: 'br0', kind: { type: 'bridge' }, up: true, alias: 'ours', group: 77 };
    const veth: LinkAdd = {
      op: 'link-add', namespace: HOST, name: 'veth0', master: 'br0', up: true, mtu: 1400, mac: '02:00:00:00:00:01', group: 5, alias: 'one',
      kind: { type: 'veth', peer: { namespace: blue, name: 'eth0', mac: '02:00:00:00:00:02', mtu: 1400 } },
    };
    const sandbox: Op = { op: 'namespace-add', name: 'blue' };

    async function link(name: string, namespace: string = HOST): Promise<LinkSnapshot | undefined> {
      const [found] = await kernel.snapshot([namespace]);
      return found?.links.find((candidate) => candidate.name === name);
    }

    beforeEach(async () => {
      kernel = await openKernel();
    });

    afterEach(async () => {
      await kernel.apply([
        { op: 'namespace-delete', name: 'blue' },
        { op: 'link-delete', namespace: HOST, name: 'veth0' },
        { op: 'link-delete', namespace: HOST, name: 'br0' },
      ]);
      await kernel[Symbol.asyncDispose]();
    });

    it('makes a veth pair into a namespace and the packets flow', async () => {
      await kernel.apply([
        bridge,
        { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' },
        { op: 'address-add', namespace: HOST, link: 'br0', address: 'fd00:9::1/64' },
        sandbox,
        veth,
        { op: 'bridge-port-set', namespace: HOST, name: 'veth0', hairpin: true },
        { op: 'address-add', namespace: blue, link: 'eth0', address: '10.9.0.2/24' },
        { op: 'address-add', namespace: blue, link: 'eth0', address: 'fd00:9::2/64' },
        { op: 'link-set', namespace: blue, name: 'eth0', up: true },
        { op: 'route-add', namespace: blue, link: 'eth0', destination: '0.0.0.0/0', gateway: '10.9.0.1' },
        { op: 'route-add', namespace: blue, link: 'eth0', destination: '::/0', gateway: 'fd00:9::1', metric: 50 },
      ]);
      const host = await link('veth0');
      const far = await link('eth0', blue);
      assert.deepEqual(
        { mtu: host?.mtu, mac: host?.mac, up: host?.up, group: host?.group, alias: host?.alias, hairpin: host?.hairpin, master: host?.masterIndex, peer: host?.peerIndex },
        { mtu: 1400, mac: '02:00:00:00:00:01', up: true, group: 5, alias: 'one', hairpin: true, master: (await link('br0'))?.index, peer: far?.index },
      );
      assert.deepEqual([far?.mac, far?.mtu, far?.addresses], ['02:00:00:00:00:02', 1400, ['10.9.0.2/24', 'fd00:9::2/64']]);
      const [there] = await kernel.snapshot([blue]);
      const gateways = there?.routes.filter((route) => route.gateway !== undefined);
      assert.deepEqual(
        gateways?.map(({ destination, gateway, linkIndex, metric }) => ({ destination, gateway, linkIndex, metric })),
        [
          { destination: '0.0.0.0/0', gateway: '10.9.0.1', linkIndex: far?.index, metric: 0 },
          { destination: '::/0', gateway: 'fd00:9::1', linkIndex: far?.index, metric: 50 },
        ],
      );
      await run(['ip', 'netns', 'exec', 'blue', 'ping', '-c1', '-W2', '10.9.0.1']);
      await run(['ip', 'netns', 'exec', 'blue', 'ping', '-c1', '-W2', 'fd00:9::1']);
    });

    it('says what the kernel refused, with its number, its words and the operation', async () => {
      await kernel.apply([bridge]);
      await rejects(kernel.apply([bridge]), 'KERNEL', /add bridge 'br0'/, /EEXIST/);
      await rejects(kernel.apply([{ op: 'link-set', namespace: HOST, name: 'br0', mtu: 5 }]), 'KERNEL', /mtu less than device minimum/);
      await rejects(kernel.apply([{ op: 'address-add', namespace: HOST, link: 'nix', address: '10.0.0.1/8' }]), 'KERNEL', /no link 'nix'/, /ENODEV/);
      await rejects(kernel.apply([{ ...bridge, namespace: '/run/netns/nix' }]), 'NOT_FOUND', /\/run\/netns\/nix/);
    });

    it('never touches a link of the same name that was there before', async () => {
      await run(['ip', 'link', 'add', 'br0', 'type', 'bridge']);
      await rejects(kernel.apply([bridge, { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' }]), 'KERNEL', /EEXIST/);
      const found = await link('br0');
      assert.deepEqual([found?.alias, found?.group, found?.up, found?.addresses], [undefined, 0, false, []]);
    });

    it('stops at the first operation that fails, with those before it done', async () => {
      await rejects(
        kernel.apply([
          bridge,
          { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' },
          { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' },
          { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.2/24' },
        ]),
        'KERNEL',
      );
      assert.deepEqual((await link('br0'))?.addresses, ['10.9.0.1/24']);
    });

    it('deletes what is not there without a word', async () => {
      await kernel.apply([
        bridge,
        { op: 'link-delete', namespace: HOST, name: 'nix' },
        { op: 'link-group-delete', namespace: HOST, group: 12345 },
        { op: 'address-delete', namespace: HOST, link: 'br0', address: '10.1.2.3/24' },
        { op: 'address-delete', namespace: HOST, link: 'nix', address: '10.1.2.3/24' },
        { op: 'address-flush', namespace: HOST, link: 'nix' },
        { op: 'route-delete', namespace: HOST, link: 'br0', destination: '10.1.0.0/16' },
        { op: 'namespace-delete', name: 'nix' },
        { op: 'link-delete', namespace: '/run/netns/nix', name: 'eth0' },
        { op: 'address-flush', namespace: '/proc/999999999/ns/net', link: 'eth0' },
      ]);
    });

    it('renames, moves, regroups and takes a link out of its bridge', async () => {
      await kernel.apply([bridge, sandbox, veth]);
      await kernel.apply([
        { op: 'link-set', namespace: HOST, name: 'veth0', up: false, master: null, rename: 'gone0', group: 9, alias: '' },
        { op: 'link-set', namespace: blue, name: 'eth0', rename: 'tmp0', moveTo: HOST },
      ]);
      const moved = await link('gone0');
      assert.deepEqual([moved?.masterIndex, moved?.group, moved?.up, moved?.alias, moved?.hairpin], [undefined, 9, false, undefined, undefined]);
      assert.notEqual(await link('tmp0'), undefined);
      assert.equal(await link('eth0', blue), undefined);
      await kernel.apply([{ op: 'link-group-delete', namespace: HOST, group: 9 }]);
      assert.equal(await link('tmp0'), undefined);
      assert.notEqual(await link('br0'), undefined);
    });

    it('flushes global addresses of both families and no others', async () => {
      await kernel.apply([
        bridge,
        { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' },
        { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.2/24' },
        { op: 'address-add', namespace: HOST, link: 'br0', address: 'fd00::1/64' },
      ]);
      await run(['ip', 'address', 'add', '169.254.7.7/16', 'scope', 'link', 'dev', 'br0']);
      await kernel.apply([{ op: 'address-flush', namespace: HOST, link: 'br0' }]);
      const { stdout } = await run(['ip', '-br', '-4', 'address', 'show', 'dev', 'br0']);
      assert.match(stdout, /169\.254\.7\.7/);
      assert.doesNotMatch(stdout, /10\.9/);
      assert.deepEqual((await link('br0'))?.addresses, []);
    });

    it('replaces a route and marks those of the host as ours', async () => {
      const route: Op = { op: 'route-add', namespace: HOST, link: 'br0', destination: '10.50.0.0/16', gateway: '10.9.0.7' };
      await kernel.apply([bridge, { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' }, route, { ...route, gateway: '10.9.0.8' }]);
      const found = (await kernel.snapshot([HOST]))[0]?.routes.filter(({ destination }) => destination === '10.50.0.0/16');
      assert.deepEqual(found?.map(({ gateway, protocol }) => ({ gateway, protocol })), [{ gateway: '10.9.0.8', protocol: 78 }]);
      await kernel.apply([{ op: 'route-delete', namespace: HOST, link: 'br0', destination: '10.50.0.0/16' }]);
      assert.equal((await kernel.snapshot([HOST]))[0]?.routes.some(({ destination }) => destination === '10.50.0.0/16'), false);
    });

    it('sees every link once, however others change them meanwhile', async () => {
      const steady = Array.from({ length: 60 }, (_unused, i) => `steady${i}`);
      await kernel.apply(steady.map((name): Op => ({ op: 'link-add', namespace: HOST, name, kind: { type: 'bridge' }, group: 33 })));
      const churn = Array.from({ length: 150 }, (_unused, i) => `link add churn${i % 5} type bridge\nlink delete churn${i % 5}`).join('\n');
      const churning = { over: false };
      const done = run(['ip', '-batch', '-'], { input: churn }).finally(() => (churning.over = true));
      let looks = 0;
      for (; !churning.over; looks++) {
        const names = (await kernel.snapshot([HOST]))[0]?.links.map(({ name }) => name) ?? [];
        assert.deepEqual(names.filter((name) => name.startsWith('steady')).toSorted(), steady.toSorted());
        assert.equal(new Set(names).size, names.length);
      }
      await done;
      await kernel.apply([{ op: 'link-group-delete', namespace: HOST, group: 33 }]);
      assert.ok(looks > 3, `only ${looks} looks while links changed`);
    });

    it('refuses malformed names and addresses before anything is sent', async () => {
      const bad: Op[] = [
        { ...bridge, name: 'sixteen-bytes-xx' },
        { ...bridge, name: 'a/b' },
        { ...bridge, mac: '02:00' },
        { op: 'address-add', namespace: HOST, link: 'lo', address: '10.0.0.1' },
        { op: 'address-add', namespace: HOST, link: 'lo', address: '10.0.0.1/33' },
        { op: 'route-add', namespace: HOST, link: 'lo', destination: '10.0.0.0/8', gateway: '::1' },
        { op: 'namespace-add', name: '../etc' },
        { op: 'sysctl-set', namespace: HOST, key: 'net/../kernel/hostname', value: 'x' },
      ];
      for (const op of bad) await rejects(kernel.apply([op]), 'INVALID');
    });
  });
});
