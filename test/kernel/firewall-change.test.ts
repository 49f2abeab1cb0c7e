import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { FirewallBackend } from '../../src/firewall/backend.ts';
import { factKey, type Fact } from '../../src/firewall/facts.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { nftDrift } from '../../src/firewall/nft-drift.ts';
import { iptablesProgram } from '../../src/kernel/iptables.ts';
import type { Op } from '../../src/kernel/op.ts';
import { randomFacts } from '../support/firewall-facts.ts';
import { PrivateNet } from '../support/private-net.ts';

const INSTANCE = '0a1b2c3d';

describe('a change to the packet filter ends where building from scratch does', function () {
  this.timeout(600_000); // slow only in an emulated machine
  let net: PrivateNet;

  before(async () => {
    net = await PrivateNet.start();
  });
  after(() => net[Symbol.asyncDispose]());

  function apply(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.op === 'nft') net.run('nft', ['-f', '-'], op.script);
      if (op.op === 'iptables-restore') net.run(iptablesProgram(op.family, op.variant, 'restore'), ['--noflush'], op.batch);
    }
  }

  function check(backend: FirewallBackend, read: () => unknown, runs: number): void {
    fc.assert(
      fc.property(randomFacts, randomFacts, fc.boolean(), (before, after, whole) => {
        apply(backend.rebuild([ANCHOR, ...before]));
        const change = whole ? backend.change([ANCHOR, ...before], [ANCHOR, ...after]) : backend.change(without(before, after), without(after, before));
        apply(change);
        assert.ok(change.filter(({ op }) => op === 'nft').length <= 1, 'one transaction');
        const changed = read();
        apply(backend.rebuild([ANCHOR, ...after]));
        assert.deepEqual(changed, read());
        if (backend.name === 'nft') assert.deepEqual(drift([ANCHOR, ...after]), []);
      }),
      { numRuns: runs },
    );
  }

  function drift(facts: readonly Fact[]): string[] {
    const list = (family: string): unknown => JSON.parse(net.run('nft', ['-j', 'list', 'table', family, `netctl_${INSTANCE}`]));
    return nftDrift(INSTANCE, facts, { inet: list('inet'), bridge: list('bridge') });
  }

  it('with nft', () => {
    check(nftBackend(INSTANCE), () => normal(JSON.parse(net.run('nft', ['-j', 'list', 'ruleset']))), 30);
  });

  for (const variant of ['nft', 'legacy'] as const) {
    it(`with iptables-${variant}`, () => {
      check(iptablesBackend(INSTANCE, { variant }), () => [...([4, 6] as const).map((family) => net.run(iptablesProgram(family, variant, 'save'), [])), net.run('ebtables-save', [])].map(chains), 6);
    });
  }

  it('with every character that an interface name may have in a rule', () => {
    const characters = Array.from({ length: 0x7f - 0x21 }, (_none, index) => String.fromCodePoint(0x21 + index)).filter((character) => !`"'/:\\`.includes(character));
    const links = Array.from({ length: Math.ceil(characters.length / 12) }, (_none, index) => `x${characters.slice(12 * index, 12 * index + 12).join('')}x`);
    const facts = links.flatMap((link): Fact[] => [{ kind: 'guard', family: 4, link }, { kind: 'uplink', link }]);
    for (const backend of [nftBackend(INSTANCE), iptablesBackend(INSTANCE, { variant: 'nft' }), iptablesBackend(INSTANCE, { variant: 'legacy' })]) {
      apply(backend.rebuild([ANCHOR, ...facts]));
      if (backend.name === 'nft') assert.deepEqual(drift([ANCHOR, ...facts]), []);
      apply(backend.change(facts, []));
      apply(backend.change([], facts));
      apply(backend.change(facts, []));
    }
  });

  it('nft: rebuilding from nothing, twice, and down to nothing again', () => {
    const { rebuild } = nftBackend(INSTANCE);
    net.run('nft', ['flush', 'ruleset']);
    for (const facts of [[], [], [ANCHOR], [ANCHOR], []]) apply(rebuild(facts));
    assert.equal(net.run('nft', ['list', 'ruleset']), '');
  });
});

/** Something that stays, as the rest of a host's networks does. */
const ANCHOR: Fact = {
  kind: 'network',
  bridge: 'anchor',
  icc: true,
  internal: false,
  trustedInterfaces: [],
  families: [{ family: 4, subnets: ['192.168.9.0/24'], mode: 'nat', masquerade: true }],
};

function without(facts: readonly Fact[], others: readonly Fact[]): Fact[] {
  const known = new Set(others.map(factKey));
  return facts.filter((fact) => !known.has(factKey(fact)));
}

/** A listing without handles, elements in order. */
function normal(listing: unknown): unknown {
  return JSON.parse(JSON.stringify(listing), (name, value: unknown) => {
    if (name === 'handle') return undefined;
    return name === 'elem' && Array.isArray(value) ? value.map((element) => JSON.stringify(element)).toSorted() : value;
  });
}

/** Rules by chain; within ours the order is free between head and tail, which stay where they are. */
function chains(save: string): unknown {
  const rules = save.split('\n').filter((line) => line.startsWith('-A'));
  const byChain = [...Map.groupBy(rules, (line) => line.split(' ')[1])];
  return byChain.map(([chain, members]) => ({ chain, first: members[0]?.includes('conntrack') === true, last: members.at(-1)?.includes('-j DROP'), members: members.toSorted() })).toSorted((a, b) => (String(a.chain) < String(b.chain) ? -1 : 1));
}
