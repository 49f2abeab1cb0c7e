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

  it('at the input hook count only where ports of the host are open', () => {
    const listing = { nftables: [{ chain: { family: 'inet', table: 'mine', name: 'in', type: 'filter', hook: 'input', prio: 0, policy: 'drop' } }] };
    assert.deepEqual(foreignDrops(listing, []), []);
    assert.deepEqual(foreignDrops(listing, [], ['forward', 'input']).map(({ message }) => message), [
      'table inet mine, chain in drops what it does not know, and that may be questions of our networks to the name server at their gateway: no rule of ours can overrule it',
    ]);
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
  const facts: readonly Fact[] = [
    { kind: 'published-port', family: 4, protocol: 'sctp', hostAddress: '192.0.2.7', hostPort: 8080, bridge: 'br-a', address: '10.0.0.2', port: 80 },
    { kind: 'published-port', family: 6, protocol: 'udp', hostAddress: '2001:db8::1:0:0:1', hostPort: 8080, bridge: 'br-a', address: 'fd00::2', port: 80 },
    ...[1, 2, 3, 4, 5].map((port): Fact => ({ kind: 'published-port', family: 4, protocol: 'tcp', hostPort: port, bridge: 'br-a', address: '10.0.0.2', port: 80 })),
  ];

  /** As iptables-save would print it right after a rebuild. */
  function saved(family: 4 | 6, change: (text: string) => string = (text) => text): string {
    const op = iptablesBackend('0a1b2c3d', { variant: 'nft' }).rebuild(facts).find((one) => one.op === 'iptables-restore' && one.family === family);
    const batch = op?.op === 'iptables-restore' ? op.batch : '';
    const changed = change(batch);
    if (changed === batch) assert.equal(change.name, 'change', 'the test changed nothing');
    return changed;
  }

  function drift(family: 4 | 6, change?: (text: string) => string): string[] {
    return iptablesDrift('0a1b2c3d', facts, family, saved(family, change)).map((sentence) => sentence.replaceAll('NETCTL-0a1b2c3d-', ''));
  }

  it('is none where everything stands, whatever this iptables calls it', () => {
    for (const family of [4, 6] as const) assert.deepEqual(drift(family), []);
    assert.deepEqual(drift(4, (text) => text.replace('-p sctp', '-p 132')), []);
    assert.deepEqual(drift(6, (text) => text.replace('-p udp', '-p 17').replace('2001:db8::1:0:0:1', '2001:db8:0:0:1::1').replace('[fd00::2]', '[fd00:0:0::2]').replace('ipv6-icmp', 'icmpv6')), []);
    assert.deepEqual(iptablesDrift('0a1b2c3d', [], 4, ''), []);
  });

  it('names what is missing, extra, and in the wrong order; of many rules three', () => {
    assert.deepEqual(drift(4, (text) => text.replace(/^-A .*--dport \d .*\n/gm, '')), [
      "iptables, table nat, chain PORTS lacks '-p tcp -m tcp --dport 1 -j DNAT --to-destination 10.0.0.2:80', '-p tcp -m tcp --dport 2 -j DNAT --to-destination 10.0.0.2:80', '-p tcp -m tcp --dport 3 -j DNAT --to-destination 10.0.0.2:80' and 2 more",
    ]);
    assert.deepEqual(drift(4, (text) => text.replace(/(-A \S+-GUARD) -m mark[^]*?-j RETURN\n/, '$1 -j ACCEPT\n')), [
      "iptables, table filter, chain GUARD lacks '-m mark --mark 0x10000000/0x10000000 -j RETURN'",
      "iptables, table filter, chain GUARD has, and nobody wants, '-j ACCEPT'",
    ]);
    assert.deepEqual(drift(4, (text) => text.replace(/(-A \S+-INSIDE .*\n)(-A \S+-INSIDE -j DROP\n)/, '$2$1')), ["iptables, table mangle, chain INSIDE has '-j DROP' before '-m conntrack --ctstate DNAT -g ACCEPTED'"]);
    assert.deepEqual(drift(4, (text) => text.replace(/(-A \S+-PORTS -d .*\n)((?:.*\n)*?)(COMMIT)/, '$2$1$3')).map((sentence) => sentence.slice(0, 41)), ["iptables, table nat, chain PORTS has '-p "]);
    assert.deepEqual(drift(6, (text) => text.replace(/^(-A \S+-PORTS .*\n)/m, '$1$1')), ["ip6tables, table nat, chain PORTS has, and nobody wants, '-d 2001:db8::1:0:0:1/128 -p udp -m udp --dport 8080 -j DNAT --to-destination [fd00::2]:80'"]);
  });

  it('leaves the order free where it says nothing', () => {
    assert.deepEqual(drift(4, (text) => text.replace(/(-A \S+ -p tcp -m tcp --dport 1 .*\n)(-A \S+ -p tcp -m tcp --dport 2 .*\n)/, '$2$1')), []);
  });

  it('is told by table and chain where they are gone', () => {
    assert.deepEqual(drift(4, (text) => text.replace(/^\*raw[^]*?COMMIT\n/, '').replace(/^.*-ELSEWHERE(?: -.*|)\n/gm, '')), [
      'iptables, table raw lacks the chain RAW',
      'iptables, table mangle lacks the chain ELSEWHERE',
      "iptables, table mangle, chain FROM-OURS lacks '-g ELSEWHERE'",
    ]);
    assert.deepEqual(drift(4, (text) => text.replace(/^\*nat[^]*?COMMIT\n/m, "# Table `nat' is incompatible, use 'nft' tool.\n")), ['iptables, table nat cannot be read: it holds rules that only nft understands']);
  });
});
