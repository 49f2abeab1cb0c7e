import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { WantedState } from '../../drivers/driver.ts';
import { Applier } from '../../src/controller/applier.ts';
import { mergeLinks } from '../../src/controller/merge-links.ts';
import { plan, type PlanContext } from '../../src/controller/plan.ts';
import { Reaper } from '../../src/controller/reaper.ts';
import { tableRepairs } from '../../src/controller/table-repairs.ts';
import { FLOOD_MAC, type FdbState, type NeighbourState } from '../../src/kernel/forwarding-state.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { HOST, type Op } from '../../src/kernel/op.ts';
import { RecordingKernel } from '../support/recording-kernel.ts';

const mac = fc.integer({ min: 1, max: 5 }).map((n) => `02:00:00:00:00:0${n}`);
const vtep = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3');

/** One entry for each place, as a control plane keeps them. */
const forwarding: fc.Arbitrary<FdbState[]> = fc
  .tuple(
    fc.uniqueArray(fc.record({ mac, destination: vtep }), { selector: (entry) => entry.mac }),
    fc.uniqueArray(mac),
    fc.uniqueArray(vtep),
  )
  .map(([remote, statics, flood]) => [...remote, ...statics.map((one) => ({ mac: one, master: true }) as const), ...flood.map((destination) => ({ mac: FLOOD_MAC, destination }))]);

const neighbours: fc.Arbitrary<NeighbourState[]> = fc.uniqueArray(fc.record({ address: fc.constantFrom('10.9.0.2', '10.9.0.3', 'fd00:9::2', 'fd00:9::3'), mac }), { selector: ({ address }) => address });

const overlay: fc.Arbitrary<LinkState[]> = fc
  .record({ bridgeMac: fc.constantFrom('02:42:00:00:00:01', '02:42:00:00:00:02'), id: fc.constantFrom(7, 8), local: fc.constantFrom('192.0.2.7', 'fd00::7'), mtu: fc.constantFrom(1400, 1450), suppress: fc.boolean(), forwarding, neighbours })
  .map((one) => [
    { namespace: HOST, name: 'br7', type: 'bridge', label: 'ours', mac: one.bridgeMac, up: true, neighbours: one.neighbours },
    {
      namespace: HOST, name: 'vx7', type: 'vxlan', label: 'ours', vxlan: { id: one.id, port: 4789, local: one.local }, master: 'br7', mtu: one.mtu, up: true,
      learning: false, neighbourSuppression: one.suppress, forwarding: one.forwarding,
    },
  ]);
const links = fc.oneof({ weight: 5, arbitrary: overlay }, { weight: 1, arbitrary: fc.constant<LinkState[]>([]) });

const GROUPS = { live: 78, doomed: 79 };
const CONTEXT: PlanContext = { groups: GROUPS, doomedName: () => 'doomed0', firewall: { change: () => [] } };

function applierOn(kernel: RecordingKernel): Applier {
  const reaper = new Reaper({ kernel, group: GROUPS.doomed, report: () => {}, done: async () => {} });
  return new Applier(kernel, { name: 'nft', rebuild: () => [], change: () => [] }, CONTEXT, reaper);
}

function state(wanted: readonly LinkState[]): WantedState {
  return { links: wanted, facts: [] };
}

/** Everything that the planner is to have brought about, whatever was there before. */
function picture(kernel: RecordingKernel): unknown {
  const found = kernel.model.links().map(({ name, mac: own, mtu, vxlan, up, learning, neighbourSuppression, masterIndex, forwarding: fdb, neighbours: known }) => ({
    name, mtu, vxlan, up, learning, neighbourSuppression, port: masterIndex !== undefined, mac: name === 'br7' ? own : '',
    forwarding: fdb.map((entry) => JSON.stringify(entry)).toSorted(), neighbours: known.map((entry) => JSON.stringify(entry)).toSorted(),
  }));
  return found.toSorted((a, b) => a.name.localeCompare(b.name));
}

async function fresh(wanted: readonly LinkState[]): Promise<unknown> {
  const kernel = new RecordingKernel();
  await applierOn(kernel).converge([{ id: 'net', wanted: state(wanted) }]);
  return picture(kernel);
}

describe('plans of forwarding entries and neighbours', () => {
  it('end where a fresh build ends, whatever was wanted before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(links, { minLength: 1, maxLength: 6 }), async (states) => {
        const kernel = new RecordingKernel();
        const applier = applierOn(kernel);
        for (const wanted of states) await applier.transition([{ id: 'net', wanted: state(wanted) }], { onFailure: 'back' });
        assert.deepEqual(picture(kernel), await fresh(states.at(-1) ?? []));
        assert.deepEqual(await applier.compare(state(states.at(-1) ?? [])), []);
      }),
      { numRuns: 300 },
    );
  });

  it('put right whatever somebody did by hand, and then find nothing to do', async () => {
    const damage = fc.array(
      fc.oneof(
        fc.record({ op: fc.constantFrom('fdb-add' as const, 'fdb-delete' as const), namespace: fc.constant(HOST), link: fc.constant('vx7'), mac, destination: vtep }),
        fc.record({ op: fc.constantFrom('fdb-add' as const, 'fdb-delete' as const), namespace: fc.constant(HOST), link: fc.constant('vx7'), mac, master: fc.constant(true as const) }),
        fc.record({ op: fc.constantFrom('neighbour-add' as const, 'neighbour-delete' as const), namespace: fc.constant(HOST), link: fc.constant('br7'), address: fc.constantFrom('10.9.0.2', '10.9.0.9', 'fd00:9::2'), mac }),
        fc.constantFrom<Op>(
          { op: 'link-delete', namespace: HOST, name: 'vx7' },
          { op: 'link-set', namespace: HOST, name: 'br7', mac: '02:42:00:00:00:09' },
          { op: 'link-set', namespace: HOST, name: 'br7', up: false },
          { op: 'link-set', namespace: HOST, name: 'vx7', master: null },
          { op: 'bridge-port-set', namespace: HOST, name: 'vx7', learning: true, neighbourSuppression: false },
        ),
      ),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(overlay, damage, async (wanted, ops) => {
        const kernel = new RecordingKernel();
        const applier = applierOn(kernel);
        await applier.converge([{ id: 'net', wanted: state(wanted) }]);
        for (const op of ops) await kernel.apply([op]).catch(() => {}); // the link may be gone by then
        await applier.converge([{ id: 'net', wanted: state(wanted) }]);
        assert.deepEqual(picture(kernel), await fresh(wanted));
        assert.deepEqual(await applier.converge([{ id: 'net', wanted: state(wanted) }]), []);
      }),
      { numRuns: 300 },
    );
  });

  it('never leave a MAC that moves to another host without a way, and never let frames go out before they have one', () => {
    const before = overlayOf([{ mac: '02:00:00:00:00:01', destination: '192.0.2.1' }], []);
    const after = overlayOf([{ mac: '02:00:00:00:00:01', destination: '192.0.2.2' }, { mac: '02:00:00:00:00:01', master: true }], [{ address: '10.9.0.2', mac: '02:00:00:00:00:01' }]);
    assert.deepEqual(plan(state(after), state(before), CONTEXT), [
      { op: 'fdb-add', namespace: HOST, link: 'vx7', mac: '02:00:00:00:00:01', destination: '192.0.2.2' },
      { op: 'fdb-add', namespace: HOST, link: 'vx7', mac: '02:00:00:00:00:01', master: true },
      { op: 'neighbour-add', namespace: HOST, link: 'br7', address: '10.9.0.2', mac: '02:00:00:00:00:01' },
    ]);
    const gone = plan(state(overlayOf([], [])), state(after), CONTEXT);
    assert.deepEqual(gone.map((op) => `${op.op}${'master' in op ? ' master' : ''}`), ['neighbour-delete', 'fdb-delete master', 'fdb-delete']);
  });

  it('leave alone what is not stated', async () => {
    const kernel = new RecordingKernel();
    const applier = applierOn(kernel);
    const wanted = overlayOf([], []).map(({ forwarding: _forwarding, neighbours: _neighbours, ...link }) => link);
    await applier.converge([{ id: 'net', wanted: state(wanted) }]);
    // as a routing daemon would
    await kernel.apply([{ op: 'fdb-add', namespace: HOST, link: 'vx7', mac: '02:00:00:00:00:01', destination: '192.0.2.1' }]);
    assert.deepEqual(await applier.converge([{ id: 'net', wanted: state(wanted) }]), []);
  });

  it('touch nothing but their own at a bridge of somebody else', async () => {
    const kernel = new RecordingKernel();
    const applier = applierOn(kernel);
    await kernel.apply([
      { op: 'link-add', namespace: HOST, name: 'br7', kind: { type: 'bridge' }, up: true },
      { op: 'neighbour-add', namespace: HOST, link: 'br7', address: '10.9.0.9', mac: '02:00:00:00:00:09' },
    ]);
    const wanted = state([{ namespace: HOST, name: 'br7', type: 'bridge', neighbours: [{ address: '10.9.0.2', mac: '02:00:00:00:00:01' }] }]);
    await applier.converge([{ id: 'net', wanted }]);
    await applier.converge([{ id: 'net', wanted }]);
    const there = (): string[] | undefined => kernel.model.links().find(({ name }) => name === 'br7')?.neighbours.map(({ address }) => address);
    assert.deepEqual(there(), ['10.9.0.9', '10.9.0.2']);
    await applier.transition([{ id: 'net', wanted: state([]) }], { onFailure: 'forward' });
    assert.deepEqual(there(), ['10.9.0.9']);
  });

  it('do not look into tables that are the same array, also when an endpoint adds routes to the link', () => {
    const table = new Proxy<FdbState[]>([], { get: () => assert.fail('the table was read') });
    const [bridge, vxlan] = overlayOf(table, []);
    assert.ok(bridge !== undefined && vxlan !== undefined);
    const wanted = state(mergeLinks([bridge, vxlan, { namespace: HOST, name: 'vx7', type: 'vxlan', routes: [{ destination: '10.8.0.0/16' }] }]));
    assert.deepEqual(plan(wanted, state([bridge, vxlan]), CONTEXT).map(({ op }) => op), ['route-add']);
  });

  it('find one entry among 50,000 in about the time that it takes to look at them', () => {
    const many = Array.from({ length: 50_000 }, (_, n): FdbState => ({ mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`, destination: '192.0.2.1' }));
    const wanted = state(overlayOf([...many.slice(1), { mac: '02:00:00:00:00:00', destination: '192.0.2.2' }], []));
    const actual = state(overlayOf(many, []));
    const begin = performance.now();
    const ops = plan(wanted, actual, CONTEXT);
    const took = performance.now() - begin;
    assert.deepEqual(ops, [{ op: 'fdb-add', namespace: HOST, link: 'vx7', mac: '02:00:00:00:00:00', destination: '192.0.2.2' }]);
    assert.ok(took < 500, `${took} ms`);
  });

  it('are told in a sentence for each link, however many entries were wrong', () => {
    const ops = ['1', '2'].map((n): Op => ({ op: 'fdb-add', namespace: HOST, link: 'vx7', mac: `02:00:00:00:00:0${n}`, destination: '192.0.2.1' }));
    const gone: Op = { op: 'neighbour-delete', namespace: HOST, link: 'br7', address: '10.9.0.9', mac: '02:00:00:00:00:09' };
    assert.deepEqual(tableRepairs([...ops, gone]).map(({ wrong, repaired }) => [wrong, repaired]), [
      ['2 forwarding entries missing or wrong on vx7', '2 forwarding entries restored on vx7'],
      ['1 neighbour too many on br7', '1 neighbour of somebody else removed on br7'],
    ]);
  });
});

function overlayOf(fdb: readonly FdbState[], known: readonly NeighbourState[]): LinkState[] {
  return [
    { namespace: HOST, name: 'br7', type: 'bridge', label: 'ours', mac: '02:42:00:00:00:01', up: true, neighbours: known },
    { namespace: HOST, name: 'vx7', type: 'vxlan', label: 'ours', vxlan: { id: 7, port: 4789, local: '192.0.2.7' }, master: 'br7', up: true, forwarding: fdb },
  ];
}
