import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { errnoOf } from '../../src/kernel/errno.ts';
import { FLOOD_MAC } from '../../src/kernel/forwarding-state.ts';
import { explain } from '../../src/kernel/explain.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { NamespacePath, Op } from '../../src/kernel/op.ts';
import type { LinkSnapshot, NamespaceSnapshot } from '../../src/kernel/snapshot.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';

const NEAR = 'near';
const FAR = 'far';

const link = fc.constantFrom('br0', 'br1', 'v0', 'v1', 'p0', 'm0', 'x0', 'new0');
const place = fc.constantFrom(NEAR, NEAR, FAR);
const mac = fc.integer({ min: 1, max: 99 }).map((n) => `02:00:00:00:01:${n.toString().padStart(2, '0')}`);
const mtu = fc.constantFrom(1280, 1400, 1500);
const address = fc.constantFrom('10.1.0.1/24', '10.1.0.2/24', '10.2.0.1/32', '10.3.0.0/31', 'fd00:1::1/64', 'fd00:2::1/128');
const route = fc.constantFrom(
  { destination: '0.0.0.0/0', gateway: '10.1.0.9' },
  { destination: '10.77.0.0/16' },
  { destination: '10.77.0.0/16', gateway: '10.1.0.9', metric: 7 },
  { destination: '::/0', gateway: 'fd00:1::9' },
  { destination: 'fd77::/64', metric: 5 },
);
const one = (op: Op): fc.Arbitrary<Op> => fc.constant(op);
const optional = { requiredKeys: [] };

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('link-add' as const), namespace: place, name: fc.constantFrom('br0', 'br1'), kind: fc.constant({ type: 'bridge' as const }), mac }),
  fc
    .tuple(place, place, fc.constantFrom('v0', 'v1'), fc.constantFrom('p0', 'p1'), mac, mac, fc.record({ mtu, master: fc.constantFrom('br0', 'br1'), up: fc.boolean(), group: fc.constantFrom(5, 7), alias: fc.constantFrom('a b', "it's") }, optional))
    .map(([namespace, peerNamespace, name, peer, near, far, more]): Op => ({
      op: 'link-add', namespace, name, mac: near, kind: { type: 'veth', peer: { namespace: peerNamespace, name: peer, mac: far, ...(more.mtu === undefined ? {} : { mtu: more.mtu }) } }, ...more,
    })),
  fc
    .tuple(place, fc.constantFrom('m0', 'v0', 'p0'), fc.constantFrom('v0', 'br0'), fc.constantFrom('bridge' as const, 'private' as const, 'passthru' as const), mac, fc.record({ mtu, group: fc.constantFrom(5, 7), alias: fc.constantFrom('a b', "it's") }, optional))
    .map(([namespace, name, parent, mode, own, more]): Op => ({ op: 'link-add', namespace, name, mac: own, kind: { type: 'macvlan', mode, parent: { namespace: NEAR, name: parent } }, ...more })),
  fc
    .tuple(place, link, fc.record({ up: fc.boolean(), mac, mtu, master: fc.constantFrom('br0', null), group: fc.constantFrom(0, 5), alias: fc.constantFrom('', 'x') }, optional))
    .filter(([, , change]) => Object.keys(change).length > 0)
    .map(([namespace, name, change]): Op => ({ op: 'link-set', namespace, name, ...change })),
  fc.tuple(link, fc.constantFrom(FAR, NEAR)).map(([name, moveTo]): Op => ({ op: 'link-set', namespace: NEAR, name, rename: 'new0', up: false, moveTo })),
  fc.tuple(place, link).map(([namespace, name]): Op => ({ op: 'link-set', namespace, name, up: true })),
  fc
    .tuple(place, fc.constantFrom(5, 6), fc.constantFrom('192.0.2.1', '2001:db8::1'), fc.record({ mtu, master: fc.constantFrom('br0', 'br1'), up: fc.boolean(), alias: fc.constant('x') }, optional))
    .map(([namespace, id, local, more]): Op => ({ op: 'link-add', namespace, name: 'x0', mac: '02:00:00:00:01:77', kind: { type: 'vxlan', id, port: 4789, local }, ...more })),
  fc
    .tuple(fc.constantFrom('fdb-add' as const, 'fdb-delete' as const), place, fc.constantFrom('x0', 'x0', 'br0', 'nix'), fc.constantFrom(FLOOD_MAC, '02:00:00:00:01:88', '02:00:00:00:01:99'), fc.constantFrom('192.0.2.2', '192.0.2.3', '2001:db8::2'))
    .map(([op, namespace, name, entry, destination]): Op => ({ op, namespace, link: name, mac: entry, destination })),
  fc
    .tuple(fc.constantFrom('fdb-add' as const, 'fdb-delete' as const), place, fc.constantFrom('x0', 'v0', 'nix'), fc.constantFrom('02:00:00:00:01:88', '02:00:00:00:01:99'))
    .map(([op, namespace, name, entry]): Op => ({ op, namespace, link: name, mac: entry, master: true })),
  fc
    .tuple(fc.constantFrom('neighbour-add' as const, 'neighbour-delete' as const), place, link, fc.constantFrom('10.1.0.8', 'fd00:1::8'), mac)
    .map(([op, namespace, name, text, entry]): Op => ({ op, namespace, link: name, address: text, mac: entry })),
  fc.tuple(place, link, fc.boolean(), fc.boolean()).map(([namespace, name, learning, neighbourSuppression]): Op => ({ op: 'bridge-port-set', namespace, name, learning, neighbourSuppression })),
  fc.tuple(place, link).map(([namespace, name]): Op => ({ op: 'link-delete', namespace, name })),
  one({ op: 'link-group-delete', namespace: NEAR, group: 5 }),
  fc.tuple(place, link, fc.boolean()).map(([namespace, name, hairpin]): Op => ({ op: 'bridge-port-set', namespace, name, hairpin })),
  fc.tuple(place, link, address).map(([namespace, name, text]): Op => ({ op: 'address-add', namespace, link: name, address: text })),
  fc.tuple(place, link, address).map(([namespace, name, text]): Op => ({ op: 'address-delete', namespace, link: name, address: text })),
  fc.tuple(place, link).map(([namespace, name]): Op => ({ op: 'address-flush', namespace, link: name })),
  fc.tuple(fc.constantFrom('route-add' as const, 'route-delete' as const), place, link, route).map(([op, namespace, name, way]): Op => ({ op, namespace, link: name, ...way })),
  fc.tuple(place, fc.constantFrom('0', '1')).map(([namespace, value]): Op => ({ op: 'sysctl-set', namespace, key: 'net/ipv4/ip_forward', value })),
  one({ op: 'sysctl-set', namespace: NEAR, key: 'net/no/such', value: '1', optional: true }),
);

/** The usual beginning, so that most of what follows finds something to act on. */
const beginning: readonly Op[] = [
  { op: 'link-add', namespace: NEAR, name: 'br0', kind: { type: 'bridge' }, mac: '02:00:00:00:00:01', up: true },
  { op: 'address-add', namespace: NEAR, link: 'br0', address: '10.1.0.1/24' },
  { op: 'link-add', namespace: NEAR, name: 'x0', mac: '02:00:00:00:00:04', master: 'br0', kind: { type: 'vxlan', id: 5, port: 4789, local: '192.0.2.1' } },
  { op: 'link-add', namespace: NEAR, name: 'v0', mac: '02:00:00:00:00:02', master: 'br0', up: true, kind: { type: 'veth', peer: { namespace: FAR, name: 'p0', mac: '02:00:00:00:00:03' } } },
];

function inside(op: Op, owner: string): Op {
  return JSON.parse(JSON.stringify(op), (key, value: unknown) =>
    ['namespace', 'moveTo'].includes(key) && typeof value === 'string' ? `/run/netns/${owner}-${value}` : value,
  ) as Op;
}

const order = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** What has to be equal: not the numbers that the kernel gives by chance, nor carriers, which follow when they like. */
function comparable({ links, routes }: NamespaceSnapshot): unknown {
  const name = (index: number | undefined): string | undefined => links.find((found) => found.index === index)?.name;
  const plain = ({ index: _index, masterIndex, peerIndex, peerNamespaceId, running: _running, ...rest }: LinkSnapshot): unknown => ({
    ...rest, master: name(masterIndex), elsewhere: peerNamespaceId !== undefined, peer: peerNamespaceId === undefined ? name(peerIndex) : undefined,
  });
  return {
    links: links.map(plain).toSorted(order),
    routes: routes.filter(({ destination }) => !destination.startsWith('fe80:')).map(({ linkIndex, ...rest }) => ({ ...rest, link: name(linkIndex) })).toSorted(order),
  };
}

inPrivateNamespace(import.meta.filename, () => {
  describe('the netlink and the iproute2 executor', () => {
    let kernels: Record<string, Kernel>;

    before(async () => {
      kernels = { netlink: await openKernel({ executor: 'netlink' }), iproute2: await openKernel({ executor: 'iproute2' }) };
    });

    after(async () => {
      for (const kernel of Object.values(kernels)) await kernel[Symbol.asyncDispose]();
    });

    /** Applies the list until something fails; what then is there. */
    async function outcome(owner: string, ops: readonly Op[]): Promise<{ done: number; errno: number | undefined; forwarding: string | undefined; namespaces: unknown[]; tables: unknown[] }> {
      const kernel = kernels[owner];
      assert.ok(kernel);
      const paths: NamespacePath[] = [NEAR, FAR].map((end) => `/run/netns/${owner}-${end}`);
      try {
        for (const end of [NEAR, FAR]) {
          await kernel.apply([{ op: 'namespace-add', name: `${owner}-${end}` }]);
          // Carriers would bring link-local routes at moments of their own.
          await kernel.apply([{ op: 'sysctl-set', namespace: `/run/netns/${owner}-${end}`, key: 'net/ipv6/conf/default/addr_gen_mode', value: '1' }]);
        }
        let done = 0;
        let errno: number | undefined;
        try {
          for (; done < ops.length; done++) await kernel.apply(ops.slice(done, done + 1).map((op) => inside(op, owner)));
        } catch (error) {
          errno = errnoOf(error);
        }
        const forwarding = await kernel.sysctl(paths[0] ?? '', 'net/ipv4/ip_forward');
        const tables = await kernel.linkTables(paths.flatMap((namespace) => ['x0', 'v0', 'br0'].map((name) => ({ namespace, link: name, forwarding: name === 'x0', neighbours: true }))));
        return { done, errno, forwarding, namespaces: (await kernel.snapshot(paths)).map(comparable), tables: tables.map(({ link: name, forwarding: fdb = [], neighbours = [] }) => [name, fdb.toSorted(order), neighbours.toSorted(order)]) };
      } finally {
        for (const end of [NEAR, FAR]) await kernel.apply([{ op: 'namespace-delete', name: `${owner}-${end}` }]);
      }
    }

    it('leave the same behind, whatever they are asked to do', async function () {
      await fc.assert(
        fc.asyncProperty(fc.array(anyOp, { maxLength: 8 }), async (ops) => {
          const all = [...beginning, ...ops];
          const [netlink, iproute2] = await Promise.all([outcome('netlink', all), outcome('iproute2', all)]);
          // Where the kernel has a sentence to say, ip prints that instead of the number.
          if (iproute2.errno === undefined) netlink.errno = undefined;
          assert.deepEqual(netlink, iproute2);
        }),
        { numRuns: 25, endOnFailure: false },
      );
    });

    it('say the same when they fail', async () => {
      for (const executor of ['netlink', 'iproute2'] as const) {
        const kernel = kernels[executor];
        assert.ok(kernel);
        await assert.rejects(kernel.apply([{ op: 'link-add', namespace: HOST, name: 'lo', kind: { type: 'bridge' } }]), /add bridge 'lo'.*File exists|add bridge 'lo': EEXIST/);
        await assert.rejects(kernel.apply([{ op: 'link-set', namespace: '/run/netns/nix', name: 'x', up: true }]), { code: 'NOT_FOUND' });
        await kernel.apply([{ op: 'namespace-add', name: 'twice' }]);
        await assert.rejects(kernel.apply([{ op: 'namespace-add', name: 'twice' }]), { code: 'EXISTS' });
        await kernel.apply([{ op: 'namespace-delete', name: 'twice' }, { op: 'namespace-delete', name: 'twice' }]);
      }
    });

    it('explain prints what a shell carries out with the same result', async () => {
      const ops: Op[] = [
        { op: 'namespace-add', name: 'typed-far' },
        { op: 'namespace-add', name: 'typed-near' },
        ...[...beginning, { op: 'link-set', namespace: NEAR, name: 'br0', alias: `it's $HOME "so"; reboot` } satisfies Op].map((op) => inside(op, 'typed')),
        { op: 'route-add', namespace: '/run/netns/typed-near', link: 'br0', destination: '0.0.0.0/0', gateway: '10.1.0.9' },
        { op: 'nft', script: 'table ip typed {\n}\n' },
        { op: 'iptables-restore', family: 4, variant: 'nft', batch: '*filter\n:TYPED - [0:0]\nCOMMIT\n' },
        { op: 'conntrack-flush', family: 4, flows: [{ protocol: 'udp', originalPort: 53 }], address: '10.1.0.1' },
      ];
      // What is only told, not needed, may be missing here: conntrack says so itself.
      await run(['sh', '-ec', `${explain(ops.slice(0, -1)).join('\n')}\n`]);
      const typed = (await kernels['netlink']?.snapshot(['/run/netns/typed-near']))?.[0];
      assert.equal(typed?.links.find(({ name }) => name === 'br0')?.alias, `it's $HOME "so"; reboot`);
      assert.deepEqual(typed?.routes.map(({ destination, protocol }) => `${destination} ${protocol}`), ['0.0.0.0/0 3', '10.1.0.0/24 2']);
      assert.match((await run(['nft', 'list', 'ruleset'])).stdout, /table ip typed[\s\S]*TYPED|TYPED[\s\S]*table ip typed/);
      assert.equal(explain(ops.slice(-1))[0], 'conntrack -D -f ipv4 -p udp --orig-port-dst 53 --orig-dst 10.1.0.1 || :\nconntrack -D -f ipv4 -p udp --orig-port-dst 53 --reply-src 10.1.0.1 || :');
    });
  });
});
