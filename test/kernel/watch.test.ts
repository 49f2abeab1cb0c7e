import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kernel, KernelEvent } from '../../src/kernel/kernel.ts';
import { NetlinkKernel } from '../../src/kernel/netlink-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Op } from '../../src/kernel/op.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';

inPrivateNamespace(import.meta.filename, () => {
  for (const nft of ['library', 'exec'] as const) {
    describe(`events, nft by ${nft}`, () => {
      let kernel: Kernel;
      let watching: Disposable;
      let events: KernelEvent[] = [];
      const words = (): string[] => [...new Set(events.map((event) => ('name' in event ? `${event.event} ${event.name}` : event.event)))].toSorted();

      /** Waits until everything that has happened so far has been told. */
      async function told(): Promise<void> {
        // Whether operstate follows within the kernel's second is not ours to know: half a second shows what comes late.
        await delay(300);
        await kernel.namespaceIdentity(HOST);
      }

      beforeEach(async () => {
        kernel = await NetlinkKernel.open({ nft });
        events = [];
        watching = kernel.watch((event) => events.push(event));
        await kernel.namespaceIdentity(HOST);
      });

      afterEach(async () => {
        watching[Symbol.dispose]();
        await kernel[Symbol.asyncDispose]();
        for (const link of ['br0', 'br1', 'veth0', 'other0']) await run(['ip', 'link', 'delete', link], { allowFail: true });
        await run(['ip', 'netns', 'delete', 'blue'], { allowFail: true });
        await run(['nft', 'flush', 'ruleset']);
        await run(['ip', 'route', 'flush', 'type', 'blackhole'], { allowFail: true });
        await run(['sysctl', '-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0']);
      });

      const everything: Op[] = [
        { op: 'link-add', namespace: HOST, name: 'br0', kind: { type: 'bridge' }, up: true, alias: 'ours' },
        { op: 'address-add', namespace: HOST, link: 'br0', address: '10.9.0.1/24' },
        { op: 'address-add', namespace: HOST, link: 'br0', address: 'fd00:9::1/64' },
        { op: 'namespace-add', name: 'blue' },
        { op: 'link-add', namespace: HOST, name: 'veth0', master: 'br0', up: true, kind: { type: 'veth', peer: { namespace: '/run/netns/blue', name: 'eth0' } } },
        { op: 'bridge-port-set', namespace: HOST, name: 'veth0', hairpin: true },
        { op: 'link-set', namespace: '/run/netns/blue', name: 'eth0', up: true },
        { op: 'route-add', namespace: HOST, link: 'br0', destination: '10.77.0.0/16', gateway: '10.9.0.7' },
        { op: 'sysctl-set', namespace: HOST, key: 'net/ipv4/ip_forward', value: '1' },
        { op: 'sysctl-set', namespace: HOST, key: 'net/ipv6/conf/all/forwarding', value: '1' },
        { op: 'nft', script: 'table inet ours { chain c { counter\n }\n }' },
        { op: 'iptables-restore', family: 4, variant: 'nft', batch: '*filter\n:OURS - [0:0]\n-A OURS -j RETURN\nCOMMIT\n' },
      ];

      it('says nothing of what we do ourselves', async () => {
        await kernel.apply(everything);
        await told();
        await kernel.apply([
          { op: 'link-set', namespace: HOST, name: 'veth0', master: null, up: false, rename: 'other0', group: 7 },
          { op: 'link-group-delete', namespace: HOST, group: 7 },
          { op: 'address-flush', namespace: HOST, link: 'br0' },
          { op: 'link-delete', namespace: HOST, name: 'br0' },
          { op: 'nft', script: 'delete table inet ours' },
        ]);
        await told();
        assert.deepEqual(words(), []);
      });

      it('says nothing when a namespace of ours takes its links along', async () => {
        await kernel.apply(everything);
        await kernel.apply([{ op: 'namespace-delete', name: 'blue' }]);
        await told();
        assert.deepEqual(words(), []);
      });

      it('tells what others do to links, by name', async () => {
        await kernel.apply(everything);
        await run(['ip', 'link', 'set', 'br0', 'down']);
        await told();
        assert.ok(words().includes('link-changed br0'), words().join());
        events = [];
        await run(['bridge', 'link', 'set', 'dev', 'veth0', 'hairpin', 'off']);
        await told();
        assert.deepEqual(words(), ['link-changed veth0']);
        events = [];
        await run(['ip', 'link', 'delete', 'veth0']);
        await told();
        assert.ok(words().includes('link-removed veth0'), words().join());
      });

      it('tells of links that lose addresses by others', async () => {
        await kernel.apply([...everything, { op: 'address-add', namespace: HOST, link: 'br0', address: '10.66.0.1/24' }, { op: 'address-add', namespace: HOST, link: 'br0', address: 'fd00:66::1/64' }]);
        await kernel.apply([{ op: 'address-delete', namespace: HOST, link: 'br0', address: '10.66.0.1/24' }, { op: 'address-add', namespace: HOST, link: 'br0', address: '10.66.0.1/24' }]);
        await told();
        assert.deepEqual(words(), []);
        await run(['ip', 'address', 'del', '10.66.0.1/24', 'dev', 'br0']);
        await told();
        assert.ok(words().includes('link-changed br0'), words().join());
        events = [];
        await run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
        await told();
        assert.ok(words().includes('link-changed br0'), words().join());
        await run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=0']);
      });

      it('tells of routes, forwarding and rules that others change', async () => {
        await kernel.apply(everything);
        await told();
        await run(['ip', 'route', 'add', 'blackhole', '10.66.0.0/16']);
        await run(['ip', 'route', 'add', '10.67.0.0/16', 'dev', 'br0']);
        await told();
        assert.deepEqual(words(), ['routes-changed']);
        events = [];
        await run(['sysctl', '-qw', 'net.ipv4.ip_forward=0']);
        await told();
        assert.deepEqual(events.find((event) => event.event === 'forwarding-changed' && event.link === 'all'), { event: 'forwarding-changed', family: 4, link: 'all', on: false });
        events = [];
        await run(['nft', 'flush', 'ruleset']);
        await told();
        const [firewall] = events;
        assert.equal(firewall?.event, 'firewall-changed');
        assert.deepEqual(firewall?.event === 'firewall-changed' && firewall.tables.toSorted(), ['inet ours', 'ip filter']);
      });

      it('tells which entries of an overlay others remove, and nothing of ours nor of neighbours elsewhere', async () => {
        const entry = { namespace: HOST, link: 'vx0', mac: '02:00:00:00:00:07' } as const;
        const neighbour = { namespace: HOST, link: 'br0', address: '10.9.0.7', mac: '02:00:00:00:00:07' } as const;
        const entries: Op[] = [{ op: 'fdb-add', ...entry, destination: '192.0.2.2' }, { op: 'fdb-add', ...entry, master: true }, { op: 'neighbour-add', ...neighbour }];
        await kernel.apply([
          ...everything,
          { op: 'link-add', namespace: HOST, name: 'vx0', kind: { type: 'vxlan', id: 7, port: 4789, local: '192.0.2.1' }, master: 'br0', up: true },
          ...entries,
          { op: 'fdb-delete', ...entry, destination: '192.0.2.2' }, { op: 'fdb-delete', ...entry, master: true }, { op: 'neighbour-delete', ...neighbour },
          ...entries,
        ]);
        await told();
        assert.deepEqual(words(), []);
        await run(['ip', 'neigh', 'add', '10.9.0.8', 'lladdr', '02:00:00:00:00:08', 'dev', 'veth0']);
        await run(['ip', 'neigh', 'del', '10.9.0.8', 'dev', 'veth0']);
        await told();
        assert.deepEqual(words(), []);
        const removed = async (...command: readonly string[]): Promise<unknown> => {
          events = [];
          await run(command);
          await told();
          return events.map((event) => (event.event === 'entries-removed' ? [event.name, ...event.macs, ...event.addresses] : event.event));
        };
        assert.deepEqual(await removed('ip', 'neigh', 'del', '10.9.0.7', 'dev', 'br0'), [['br0', '10.9.0.7']]);
        assert.deepEqual(await removed('bridge', 'fdb', 'del', entry.mac, 'dev', 'vx0', 'dst', '192.0.2.2', 'self'), [['vx0', entry.mac]]);
        assert.deepEqual(await removed('bridge', 'fdb', 'del', entry.mac, 'dev', 'vx0', 'master'), [['vx0', entry.mac]]);
        assert.deepEqual(await removed('bridge', 'link', 'set', 'dev', 'vx0', 'neigh_suppress', 'on'), ['link-changed']);
        await run(['ip', 'link', 'delete', 'vx0']);
      });

      it('stops when disposed', async () => {
        watching[Symbol.dispose]();
        await run(['ip', 'link', 'add', 'br1', 'type', 'bridge']);
        await told();
        assert.deepEqual(words(), []);
      });
    });
  }

  it('a large change of our own is no flood', async () => {
    await using kernel = await NetlinkKernel.open();
    const events: KernelEvent[] = [];
    using watching = kernel.watch((event) => events.push(event));
    const elements = Array.from({ length: 20_000 }, (_unused, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(', ');
    await kernel.apply([
      { op: 'nft', script: `table ip large { set s { type ipv4_addr\n elements = { ${elements} }\n }\n }` },
      ...Array.from({ length: 400 }, (_unused, i): Op => ({ op: 'link-add', namespace: HOST, name: `many${i}`, kind: { type: 'bridge' }, group: 8, alias: 'x' })),
      { op: 'link-group-delete', namespace: HOST, group: 8 },
      { op: 'nft', script: 'delete table ip large' },
    ]);
    await delay(200);
    watching[Symbol.dispose]();
    assert.deepEqual(events, []);
  });

  it('a flood that the kernel cannot keep for us is told as overflow', async () => {
    await using kernel = await NetlinkKernel.open();
    const events: KernelEvent[] = [];
    using watching = kernel.watch((event) => events.push(event));
    await kernel.namespaceIdentity(HOST);
    // The worker is busy with this meanwhile, and hears nothing.
    const elements = Array.from({ length: 60_000 }, (_unused, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(', ');
    const busy = kernel.apply([{ op: 'nft', script: `table ip busy { set s { type ipv4_addr\n elements = { ${elements} }\n }\n }` }]);
    const flood = Array.from({ length: 20_000 }, (_unused, i) => `link set lo alias n${i}`).join('\n');
    await run(['ip', '-batch', '-'], { input: flood });
    await busy;
    await kernel.namespaceIdentity(HOST);
    await delay(100);
    const told = new Set(events.map(({ event }) => event));
    assert.ok(told.has('overflow') || told.has('link-changed'), [...told].join());
    watching[Symbol.dispose]();
  });
});
