import assert from 'node:assert/strict';
import type { ChildTraits } from '../../src/kernel/child-traits.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { LinkAdd, LinkKind, Op } from '../../src/kernel/op.ts';
import { rejects } from './refusal.ts';
import { run } from './run.ts';

const BLUE = '/run/netns/blue';
const PARENT = { namespace: HOST, name: 'eth0' };
const CLEAR: readonly Op[] = [
  { op: 'namespace-delete', name: 'blue' },
  { op: 'link-delete', namespace: HOST, name: 'child' },
  { op: 'link-delete', namespace: HOST, name: 'eth0' },
];
const SINKS = ['dummy', 'ifb'] as const;

/** Whether a parent has only one such child. */
function isOnly(traits: ChildTraits): boolean {
  return traits.type === 'vlan' || (traits.type === 'macvlan' && traits.mode === 'passthru');
}

/** What `ip -d -j link` says of a link. */
interface Said {
  readonly ifname: string;
  readonly link_index?: number;
  readonly address: string;
  readonly linkinfo: { readonly info_kind: string; readonly info_data?: Readonly<Record<string, unknown>> };
}

/**
 * Links on top of others, of the kinds that this kernel has: what is made, what is read back, and
 * that `ip` says the same. For a namespace of one's own.
 * @param children traits, each with what `ip -d` calls them
 */
export function describeChildren(
  sink: (typeof SINKS)[number],
  executors: readonly ('netlink' | 'iproute2')[],
  children: readonly (readonly [ChildTraits, Readonly<Record<string, unknown>>])[],
): void {
  for (const executor of executors) {
    describe(`links on top of others (${executor})`, () => {
      const parent: LinkAdd = { op: 'link-add', namespace: HOST, name: 'eth0', kind: { type: sink }, up: true, mtu: 1400 };
      let kernel: Kernel;

      before(async () => {
        kernel = await openKernel({ executor });
      });

      beforeEach(() => kernel.apply(CLEAR));
      after(async () => {
        await kernel.apply(CLEAR);
        await kernel[Symbol.asyncDispose]();
      });

      for (const [traits, said] of children) {
        const words = Object.values(said).join(' ');

        it(`${traits.type} ${words}: here, and under the parent's own name elsewhere`, async () => {
          const kind: LinkKind = { ...traits, parent: PARENT };
          const mac = traits.type === 'ipvlan' ? {} : { mac: '02:00:00:00:00:05' };
          await kernel.apply([
            parent,
            { op: 'namespace-add', name: 'blue' },
            ...(isOnly(traits) ? [] : [{ op: 'link-add', namespace: HOST, name: 'child', kind } as const]),
            { op: 'link-add', namespace: BLUE, name: 'eth0', kind, group: 77, alias: 'ours', up: true, ...mac },
          ]);
          const [host, blue] = await kernel.snapshot([HOST, BLUE]);
          const there = blue?.links.find(({ name }) => name === 'eth0');
          const below = host?.links.find(({ name }) => name === 'eth0');
          assert.deepEqual(
            { traits: there?.traits, parent: there?.peerIndex, group: there?.group, alias: there?.alias, up: there?.up, mtu: there?.mtu, kind: there?.kind },
            { traits, parent: below?.index, group: 77, alias: 'ours', up: true, mtu: 1400, kind: traits.type },
          );
          const inherits = traits.type === 'ipvlan' || (traits.type === 'macvlan' && traits.mode === 'passthru');
          assert.equal(there?.mac, inherits ? below?.mac : '02:00:00:00:00:05');
          const [link] = JSON.parse((await run(['ip', '-n', 'blue', '-d', '-j', 'link', 'show', 'dev', 'eth0'])).stdout) as Said[];
          assert.equal(link?.linkinfo.info_kind, traits.type);
          assert.partialDeepStrictEqual(link.linkinfo.info_data, said);
          await kernel.apply([{ op: 'link-group-delete', namespace: BLUE, group: 77 }]);
          assert.deepEqual((await kernel.snapshot([BLUE]))[0]?.links.map(({ name }) => name), ['lo']);
        });
      }

      it('leaves nothing when the name is taken or the parent is not there, and says why', async () => {
        const [[traits] = []] = children;
        assert.ok(traits);
        const child: LinkAdd = { op: 'link-add', namespace: BLUE, name: 'eth0', kind: { ...traits, parent: PARENT }, alias: 'ours' };
        await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
        await rejects(kernel.apply([child]), 'UNAVAILABLE', /add \w+ 'eth0' in \/run\/netns\/blue on 'eth0': its parent 'eth0' is not there/);
        await kernel.apply([parent, child]);
        await rejects(kernel.apply([{ ...child, kind: { type: 'macvlan', mode: 'bridge', parent: PARENT } }]), traits.type === 'macvlan' ? 'KERNEL' : 'IN_USE');
        await rejects(kernel.apply([{ ...child, kind: { type: 'macvlan', mode: 'bridge', parent: { namespace: HOST, name: 'lo' } } }]), 'IN_USE', /no Ethernet link/);
        const [blue] = await kernel.snapshot([BLUE]);
        assert.deepEqual(blue?.links.map(({ name, alias }) => [name, alias]).toSorted(), [['eth0', 'ours'], ['lo', undefined]]);
      });
    });
  }
}
