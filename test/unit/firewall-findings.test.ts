import assert from 'node:assert/strict';
import type { Fact } from '../../src/firewall/facts.ts';
import { foreignDrops } from '../../src/firewall/foreign-drops.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { iptablesDrift } from '../../src/firewall/iptables-drift.ts';

type Expression = Readonly<Record<string, unknown>>;

/** A listing of one table with one base chain at the forward hook, and chains that it may jump to. */
function ruleset(table: string, policy: string, rules: readonly (readonly Expression[])[], chains: Readonly<Record<string, readonly (readonly Expression[])[]>> = {}, prio = 0): unknown {
  const rule = (chain: string, expr: readonly Expression[]): unknown => ({ rule: { family: 'inet', table, chain, expr } });
  return {
    nftables: [
      { metainfo: {} },
      { chain: { family: 'inet', table, name: 'fwd', type: 'filter', hook: 'forward', prio, policy } },
      ...Object.keys(chains).map((name) => ({ chain: { family: 'inet', table, name } })),
      ...rules.map((expr) => rule('fwd', expr)),
      ...Object.entries(chains).flatMap(([name, members]) => members.map((expr) => rule(name, expr))),
    ],
  };
}

const DROP = { drop: null };
const REJECT = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
const ACCEPT = { accept: null };
const COUNTER = { counter: { packets: 1, bytes: 2 } };
const IF_ETH = { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth0' } };
const IF_BIT = { match: { op: '==', left: { '&': [{ meta: { key: 'mark' } }, 0x1000_0000] }, right: 0x1000_0000 } };

/** What is found, up to the verb. */
function found(listing: unknown, bridges: readonly string[] = []): string[] {
  return foreignDrops(listing, bridges).map(({ message }) => message.split(' what it')[0] ?? '');
}

function remedy(prio: number): string {
  return foreignDrops(ruleset('mine', 'drop', [], {}, prio), [])[0]?.remedy ?? '';
}

describe('chains of others that drop what we let through', () => {
  it('are named: by policy, or by a last rule for everything', () => {
    assert.deepEqual(found(ruleset('mine', 'drop', [])), ['table inet mine, chain fwd drops']);
    assert.deepEqual(found(ruleset('mine', 'accept', [[IF_ETH, ACCEPT], [COUNTER, REJECT]])), ['table inet mine, chain fwd rejects']);
    assert.deepEqual(found(ruleset('mine', 'accept', [[{ jump: { target: 'zones' } }]], { zones: [[{ goto: { target: 'public' } }], [ACCEPT]], public: [[{ log: {} }, DROP]] })), ['table inet mine, chain fwd drops']);
  });

  it('are not blamed for drops under a condition, nor when they let go before', () => {
    assert.deepEqual(found(ruleset('mine', 'accept', [[IF_ETH, DROP]])), []);
    assert.deepEqual(found(ruleset('mine', 'accept', [[COUNTER, ACCEPT], [DROP]])), []);
    assert.deepEqual(found(ruleset('mine', 'accept', [[{ jump: { target: 'a' } }], [DROP]], { a: [[ACCEPT]] })), ['table inet mine, chain fwd drops']);
    assert.deepEqual(found(ruleset('mine', 'accept', [[{ jump: { target: 'loop' } }]], { loop: [[{ jump: { target: 'loop' } }]] })), []);
  });

  it('are left in peace when they let our mark pass, or are ours, or iptables’', () => {
    assert.deepEqual(found(ruleset('mine', 'drop', [[IF_BIT, ACCEPT]])), []);
    assert.deepEqual(found(ruleset('netctl_ffffffff', 'drop', [])), []);
    assert.deepEqual(foreignDrops({ nftables: [{ chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', prio: 0, policy: 'drop' } }] }, []), []);
  });

  it('come with the way out that works there', () => {
    assert.match(remedy(0), /nft insert rule inet mine fwd 'meta mark and 0x10000000 == 0x10000000 accept'/);
    assert.doesNotMatch(remedy(-100), /mark/);
  });

  it('firewalld counts only while a bridge of ours is in no zone', () => {
    const zones = { filter_FORWARD_ZONES: [[{ match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'br-a' } }, { goto: { target: 'filter_FWD_netctl' } }]] };
    const listing = ruleset('firewalld', 'accept', [[{ jump: { target: 'filter_FORWARD_ZONES' } }], [REJECT]], zones);
    assert.deepEqual(found(listing, ['br-a']), []);
    assert.deepEqual(found(listing, ['br-a', 'br-b']), ['table inet firewalld, chain fwd rejects']);
  });

  it('survive listings of another shape', () => {
    for (const listing of [undefined, null, 7, [], {}, { nftables: 'x' }, { nftables: [null, { chain: null }, { rule: { expr: 'x' } }] }]) assert.deepEqual(foreignDrops(listing, []), []);
  });
});

describe('drift in iptables', () => {
  const facts: readonly Fact[] = [{ kind: 'published-port', family: 4, protocol: 'tcp', hostPort: 8080, bridge: 'br-a', address: '10.0.0.2', port: 80 }];

  it('is told by chain', () => {
    const op = iptablesBackend('0a1b2c3d', { variant: 'nft' }).rebuild(facts).find((one) => one.op === 'iptables-restore' && one.family === 4);
    const batch = op?.op === 'iptables-restore' ? op.batch : '';
    const all = new Map(['raw', 'nat', 'mangle', 'filter'].map((table) => [table, batch]));
    assert.deepEqual(iptablesDrift('0a1b2c3d', facts, { family: 4, variant: 'nft' }, all), []);
    const broken = new Map([...all, ['nat', batch.replace(/^-A .*dport 8080.*\n/m, '')], ['raw', '']]);
    assert.deepEqual(iptablesDrift('0a1b2c3d', facts, { family: 4, variant: 'nft' }, broken), [
      'iptables, table raw lacks the chain NETCTL-0a1b2c3d-RAW',
      'iptables, table nat, chain NETCTL-0a1b2c3d-PORTS has 0 rules instead of 1',
    ]);
  });
});
