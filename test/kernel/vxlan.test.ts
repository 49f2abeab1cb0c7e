import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FLOOD_MAC } from '../../src/kernel/forwarding-state.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { everything, GATEWAY, inside, OverlayPair, overlayLinks, pings, side, tap, vtep, type Knowledge, type Side } from '../support/overlay-pair.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

const NOBODY = { 4: '10.7.0.99', 6: 'fd00:7::99', mac: '02:42:00:00:07:99' } as const;

inPrivateNamespace(import.meta.filename, () => {
  for (const underlay of [4, 6] as const) {
    describe(`an overlay of two hosts over IPv${underlay}`, () => {
      let kernel: Kernel;
      let pair: OverlayPair;
      const all = (which: Side, knowledge: Knowledge = {}): LinkState[] => overlayLinks(which, underlay, { ...everything(which === 1 ? 2 : 1, underlay), ...knowledge });
      const forgetNeighbours = async (): Promise<void> => {
        for (const which of [1, 2] as const) await inside(side(which).sandbox, 'ip', 'neigh', 'flush', 'all');
      };

      before(async () => {
        kernel = await openKernel();
        pair = new OverlayPair(kernel);
        await pair.start(underlay);
      });

      beforeEach(async () => {
        for (const which of [1, 2] as const) await pair.converge(which, all(which));
        await forgetNeighbours();
      });

      after(async () => {
        await pair[Symbol.asyncDispose]();
        await kernel[Symbol.asyncDispose]();
      });

      it('carries packets of both families, up to its MTU and no further', async () => {
        const mtu = underlay === 4 ? 1450 : 1430;
        for (const address of [side(2)[4], side(2)[6]]) assert.ok(await pings('box1', address), address);
        assert.ok(await pings('box1', side(2)[4], '-M', 'do', '-s', String(mtu - 28)));
        assert.ok(await pings('box1', side(2)[6], '-M', 'do', '-s', String(mtu - 48)));
        assert.equal(await pings('box1', side(2)[4], '-M', 'do', '-s', String(mtu - 27)), false);
      });

      it('is made as ip and bridge say', async () => {
        const [vxlan] = JSON.parse((await inside('host1', 'ip', '-d', '-j', 'link', 'show', 'vx7')).stdout) as { linkinfo: { info_data: Record<string, unknown> } }[];
        const { id, port, learning, udp_csum: checksum, df } = vxlan?.linkinfo.info_data ?? {};
        const local = vxlan?.linkinfo.info_data[underlay === 4 ? 'local' : 'local6'];
        assert.deepEqual({ id, port, learning, local }, { id: 7_777_777, port: 4789, learning: false, local: vtep(1, underlay) });
        if (underlay === 4) assert.deepEqual([checksum, df], [true, 'inherit']);
        assert.match((await inside('host1', 'bridge', '-d', 'link', 'show', 'dev', 'vx7')).stdout, /hairpin off .*learning off .*neigh_suppress on/);
        const fdb = (await inside('host1', 'bridge', 'fdb', 'show', 'brport', 'vx7')).stdout.split('\n').map((line) => line.trim());
        for (const line of [`${side(2).mac} sticky master br7 static`, `${side(2).mac} dst ${vtep(2, underlay)} self permanent`, `${FLOOD_MAC} dst ${vtep(2, underlay)} self permanent`]) {
          assert.ok(fdb.includes(line), `${line} in\n${fdb.join('\n')}`);
        }
        const neighbours = (await inside('host1', 'ip', 'neigh', 'show', 'dev', 'br7', 'nud', 'permanent')).stdout;
        for (const address of [side(2)[4], side(2)[6]]) assert.match(neighbours, new RegExp(`^${address} lladdr ${side(2).mac} PERMANENT`, 'm'));
      });

      it('answers for neighbours it knows: nobody is asked across the underlay', async () => {
        const far = await tap(2);
        for (const family of [4, 6] as const) {
          assert.ok(await pings('box1', side(2)[family]));
          // Its own host takes the answer: there it is the gateway too.
          await pings('host1', side(2)[family]);
          const { askArp, askNd, echo } = await far.count();
          assert.deepEqual({ askArp, askNd, echo }, { askArp: 0, askNd: 0, echo: 2 });
        }
      });

      it('keeps to itself who asks for the gateway, and the gateway that announces itself', async () => {
        const far = await tap(2);
        for (const family of [4, 6] as const) assert.ok(await pings('box1', GATEWAY[family]));
        const announcement = { op: 'announce', namespace: '/run/netns/host1', link: 'br7', count: 1, interval: 1, urgent: true } as const;
        await kernel.apply([{ ...announcement, address: GATEWAY[4] }, { ...announcement, address: GATEWAY[6] }]);
        await delay(50); // so that what crossed would have been counted
        const { askArp, askNd, echo } = await far.count();
        assert.deepEqual({ askArp, askNd, echo }, { askArp: 0, askNd: 0, echo: 0 });
      });

      it('asks the hosts of the flood list, and no others, for what it does not know', async () => {
        const far = await tap(2);
        const { forwarding } = everything(2, underlay);
        await inside('box1', 'ip', 'neigh', 'replace', NOBODY[4], 'lladdr', NOBODY.mac, 'dev', 'eth0', 'nud', 'permanent');
        const tries = async (): Promise<unknown> => {
          // An address that nobody has, and a MAC that nobody has.
          await Promise.all([pings('box1', '10.7.0.50'), pings('box1', NOBODY[4])]);
          const { askArp, lost } = await far.count();
          return { askArp: askArp > 0, lost };
        };
        assert.deepEqual(await tries(), { askArp: true, lost: 1 });
        await pair.transition(1, all(1, { forwarding: forwarding.filter(({ mac }) => mac !== FLOOD_MAC) }));
        await far.count();
        assert.deepEqual(await tries(), { askArp: false, lost: 0 });
        assert.ok(await pings('box1', side(2)[4]), 'what is known is reached without it');
      });

      it('reaches nobody of whom it was told nothing; told of a MAC that moves, it follows without a gap', async () => {
        const destination = vtep(1, underlay); // the wrong host
        await pair.transition(1, all(1, { forwarding: [{ mac: side(2).mac, destination }, { mac: side(2).mac, master: true }] }));
        assert.equal(await pings('box1', side(2)[4]), false);
        await pair.transition(1, all(1));
        assert.ok(await pings('box1', side(2)[4]));
        await pair.transition(1, all(1, { forwarding: [], neighbours: [] }));
        assert.equal(await pings('box1', side(2)[4]), false);
      });

      it('is not led astray by a sandbox that sends with the MAC of another', async () => {
        await inside('box1', 'ip', 'link', 'add', 'thief', 'link', 'eth0', 'address', side(2).mac, 'type', 'macvlan', 'mode', 'bridge');
        await inside('box1', 'ip', 'address', 'add', '10.7.0.66/24', 'dev', 'thief');
        await inside('box1', 'ip', 'link', 'set', 'thief', 'up');
        await pings('box1', '10.7.0.77', '-I', 'thief');
        await inside('box1', 'ip', 'link', 'delete', 'thief');
        assert.ok(await pings('box1', side(2)[4]));
        assert.deepEqual(await pair.converge(1, all(1)), []);
      });

      it('finds what was changed by hand, puts that right and nothing else', async () => {
        const { mac } = side(2);
        const namespace = '/run/netns/host1';
        const damage: readonly (readonly [command: string, ops: readonly unknown[]])[] = [
          [`bridge fdb del ${mac} dev vx7 dst ${vtep(2, underlay)} self`, [{ op: 'fdb-add', namespace, link: 'vx7', mac, destination: vtep(2, underlay) }]],
          [`bridge fdb replace ${mac} dev vx7 dst ${vtep(1, underlay)} self permanent`, [{ op: 'fdb-add', namespace, link: 'vx7', mac, destination: vtep(2, underlay) }]],
          [`bridge fdb del ${mac} dev vx7 master`, [{ op: 'fdb-add', namespace, link: 'vx7', mac, master: true }]],
          [`bridge fdb replace ${mac} dev v7 master static`, [{ op: 'fdb-add', namespace, link: 'vx7', mac, master: true }]],
          [`bridge fdb append ${FLOOD_MAC} dev vx7 dst ${vtep(1, underlay)} self permanent`, [{ op: 'fdb-delete', namespace, link: 'vx7', mac: FLOOD_MAC, destination: vtep(1, underlay) }]],
          [`ip neigh del ${side(2)[6]} dev br7`, [{ op: 'neighbour-add', namespace, link: 'br7', address: side(2)[6], mac }]],
          [`ip neigh add ${NOBODY[4]} lladdr ${NOBODY.mac} dev br7 nud permanent`, [{ op: 'neighbour-delete', namespace, link: 'br7', address: NOBODY[4], mac: NOBODY.mac }]],
          [`bridge link set dev vx7 learning on neigh_suppress off`, [{ op: 'bridge-port-set', namespace, name: 'vx7', learning: false, neighbourSuppression: true }]],
        ];
        assert.deepEqual(await pair.converge(1, all(1)), []);
        for (const [command, ops] of damage) {
          await inside('host1', ...command.split(' '));
          assert.deepEqual(await pair.converge(1, all(1)), ops, command);
        }
        assert.deepEqual(await pair.converge(1, all(1)), []);
        for (const family of [4, 6] as const) assert.ok(await pings('box1', side(2)[family]));
      });

      it('goes on with entries that a routing daemon claims too, until that takes them away', async () => {
        const { mac } = side(2);
        const namespace = '/run/netns/host1';
        await inside('host1', 'bridge', 'fdb', 'replace', mac, 'dev', 'vx7', 'master', 'extern_learn');
        assert.match((await inside('host1', 'bridge', 'fdb', 'show', 'brport', 'vx7')).stdout, new RegExp(`^${mac} extern_learn sticky master br7 static`, 'm'));
        assert.deepEqual(await pair.converge(1, all(1)), []);
        await inside('host1', 'bridge', 'fdb', 'del', mac, 'dev', 'vx7', 'master');
        await inside('host1', 'bridge', 'fdb', 'replace', mac, 'dev', 'vx7', 'master', 'extern_learn');
        assert.deepEqual(await pair.converge(1, all(1)), [{ op: 'fdb-add', namespace, link: 'vx7', mac, master: true }]);
        assert.deepEqual(await pair.converge(1, all(1)), []);
        for (const family of [4, 6] as const) assert.ok(await pings('box1', side(2)[family]));
      });

      it('comes back whole when its VXLAN link, or the MAC of its bridge, is another', async () => {
        for (const command of ['ip link del vx7', 'ip link set br7 address 02:42:00:00:07:77', 'ip link set br7 down', 'ip link set vx7 nomaster']) {
          await inside('host1', ...command.split(' '));
          assert.notDeepEqual(await pair.converge(1, all(1)), [], command);
          assert.deepEqual(await pair.converge(1, all(1)), [], command);
          for (const family of [4, 6] as const) assert.ok(await pings('box1', side(2)[family]), command);
        }
        const renumbered = (which: Side): LinkState[] => all(which).map((link) => (link.vxlan === undefined ? link : { ...link, vxlan: { ...link.vxlan, id: 8 } }));
        for (const which of [1, 2] as const) await pair.transition(which, renumbered(which));
        assert.ok(await pings('box1', side(2)[4]));
        for (const which of [1, 2] as const) await pair.converge(which, all(which));
        assert.ok(await pings('box1', side(2)[6]));
      });

      it('says which VNI is taken, and what was refused', async () => {
        const namespace = '/run/netns/host1';
        const kind = { type: 'vxlan', id: 7_777_777, port: 4789, local: vtep(1, underlay) } as const;
        await rejects(kernel.apply([{ op: 'link-add', namespace, name: 'vx8', kind }]), 'EXISTS', /VNI 7777777 at port 4789/, /vx8/);
        const wrong = vtep(2, underlay === 4 ? 6 : 4);
        const entries = ['02:00:00:00:00:01', '02:00:00:00:00:02'].map((mac) => ({ op: 'fdb-add', namespace, link: 'vx7', mac, destination: wrong }) as const);
        await rejects(kernel.apply(entries), 'KERNEL', /forward 02:00:00:00:00:01 to .* by 'vx7' in \/run\/netns\/host1/);
        await rejects(kernel.apply([{ op: 'fdb-add', namespace, link: 'nix', mac: '02:00:00:00:00:01', master: true }]), 'KERNEL', /no link 'nix'/);
        await kernel.apply([
          { op: 'fdb-delete', namespace, link: 'nix', mac: '02:00:00:00:00:01', master: true },
          { op: 'fdb-delete', namespace, link: 'vx7', mac: '02:00:00:00:00:01', master: true },
          { op: 'fdb-delete', namespace, link: 'under', mac: '02:00:00:00:00:01', master: true },
          { op: 'fdb-delete', namespace, link: 'vx7', mac: '02:00:00:00:00:01', destination: vtep(2, underlay) },
          { op: 'neighbour-delete', namespace, link: 'br7', address: '10.7.0.200', mac: '02:00:00:00:00:01' },
          { op: 'neighbour-delete', namespace: '/run/netns/nix', link: 'br7', address: '10.7.0.200', mac: '02:00:00:00:00:01' },
        ]);
      });
    });
  }
});
