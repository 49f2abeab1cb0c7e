import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fact } from '../../src/firewall/facts.ts';
import { openFirewall, type OpenFirewall } from '../../src/firewall/open-firewall.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';
import { skip } from '../support/skip.ts';

const TABLE = 'netctl_0a1b2c3d';

const FACTS: readonly Fact[] = [
  {
    kind: 'network',
    bridge: 'br-a',
    icc: false,
    internal: false,
    trustedInterfaces: ['eth1'],
    families: [
      { family: 4, subnets: ['10.1.0.0/24', '10.1.1.0/24'], mode: 'nat', masquerade: true },
      { family: 6, subnets: ['fd00:1::/64'], mode: 'routed', masquerade: false },
    ],
  },
  { kind: 'bridge-port', link: 'veth1', bridge: 'br-a' },
  { kind: 'published-port', family: 4, protocol: 'tcp', hostPort: 8080, bridge: 'br-a', address: '10.1.0.2', port: 80 },
  { kind: 'published-port', family: 4, protocol: 'sctp', hostAddress: '127.0.0.1', hostPort: 8081, bridge: 'br-a', address: '10.1.0.2', port: 81 },
  { kind: 'open-port', family: 6, protocol: 'udp', bridge: 'br-a', address: 'fd00:1::2', port: 53 },
  { kind: 'guard', family: 4, link: 'eth0' },
];

/** Makes plain `iptables` one of its kinds, for the programs that this process starts. */
async function plainIptables(kind: 'nft' | 'legacy'): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'iptables-'));
  for (const name of ['iptables', 'ip6tables']) await symlink(`/usr/sbin/${name}-${kind}`, join(path, name));
  const before = process.env['PATH'];
  process.env['PATH'] = `${path}:${before}`;
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      process.env['PATH'] = before;
      await rm(path, { recursive: true });
    },
  };
}

inPrivateNamespace(import.meta.filename, () => {
  describe('the packet filter of this machine', () => {
    let kernel: Kernel;

    before(async () => {
      kernel = await openKernel();
    });
    after(() => kernel[Symbol.asyncDispose]());
    afterEach(async () => {
      await run(['nft', 'flush', 'ruleset']);
    });

    async function build(firewall: OpenFirewall, facts: readonly Fact[]): Promise<void> {
      await kernel.apply(firewall.backend.rebuild(facts));
      await kernel.apply(await firewall.acceptRules(facts.length > 0));
    }

    async function messages(firewall: OpenFirewall, facts: readonly Fact[] = FACTS): Promise<string[]> {
      return (await firewall.findings(facts)).map(({ message }) => message.replaceAll(`table inet ${TABLE}`, 'inet').replaceAll(`table bridge ${TABLE}`, 'bridge'));
    }

    async function nft(script: string): Promise<void> {
      await run(['nft', '-f', '-'], { input: script });
    }

    it('is nft by itself, and looking for it leaves no trace', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'auto');
      assert.equal(firewall.backend.name, 'nft');
      assert.equal((await run(['nft', 'list', 'ruleset'])).stdout, '');
      await build(firewall, FACTS);
      assert.deepEqual(await messages(firewall), []);
      await build(firewall, []);
      assert.deepEqual(await messages(firewall, []), []);
      assert.equal((await run(['nft', 'list', 'ruleset'])).stdout, '');
    });

    const DAMAGE: readonly (readonly [damage: string, sentence: string])[] = [
      [`delete table inet ${TABLE}`, 'inet is missing: nothing of ours is filtered or published'],
      [`delete table bridge ${TABLE}`, 'bridge is missing: nothing of ours is filtered or published'],
      [`flush chain inet ${TABLE} to_nat`, 'inet, chain to_nat has 0 rules instead of 4'],
      [`insert rule inet ${TABLE} forward accept`, 'inet, chain forward has 6 rules instead of 5'],
      [`add chain inet ${TABLE} more`, 'inet has a chain more that is not ours'],
      [`delete element inet ${TABLE} ports4 { tcp . 8080 }`, 'inet, set ports4 lacks tcp . 8080 : 10.1.0.2 . 80'],
      [`add element inet ${TABLE} ports4 { udp . 8080 : 10.1.0.9 . 80 }`, 'inet, set ports4 has, and nobody wants, udp . 8080 : 10.1.0.9 . 80'],
      [`delete element inet ${TABLE} own4 { "br-a" . 10.1.1.0/24 }`, 'inet, set own4 lacks "br-a" . 10.1.1.0/24'],
      [`delete element inet ${TABLE} inside { "br-a" . "br-a" }\nadd element inet ${TABLE} inside { "br-a" . "br-a" : goto accepted }`, 'inet, set inside lacks "br-a" . "br-a" : goto inside_closed'],
      [`flush set bridge ${TABLE} separate`, 'bridge, set separate lacks "veth1"'],
    ];

    /** Program, what somebody does with it, what is found then; `@` stands for what our chains begin with. */
    const IPTABLES_DAMAGE: readonly (readonly [program: string, damage: string, sentences: readonly string[]])[] = [
      ['iptables', '-t nat -D @PORTS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80', ["iptables, table nat, chain @PORTS lacks '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80'"]],
      ['iptables', '-t nat -I @PORTS -p tcp --dport 9090 -j DNAT --to-destination 10.1.0.2:90', ["iptables, table nat, chain @PORTS has, and nobody wants, '-p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.1.0.2:90'"]],
      ['iptables', '-t nat -R @PORTS 2 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.9:80', [
        "iptables, table nat, chain @PORTS lacks '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80'",
        "iptables, table nat, chain @PORTS has, and nobody wants, '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.9:80'",
      ]],
      ['iptables', '-t mangle -D @TO-NAT 4; -t mangle -I @TO-NAT 1 -j DROP', ["iptables, table mangle, chain @TO-NAT has '-j DROP' before '-m conntrack --ctstate RELATED,ESTABLISHED -g @ACCEPTED'"]],
      ['iptables', '-t mangle -A @TO-NAT -j DROP', ["iptables, table mangle, chain @TO-NAT has, and nobody wants, '-j DROP'"]],
      ['iptables', '-t raw -F @RAW', ["iptables, table raw, chain @RAW lacks '-i lo -j RETURN', '-d 127.0.0.0/8 -j DROP', '-s 10.1.0.0/24 ! -i br-a -j DROP' and 1 more"]],
      ['iptables', '-t raw -F PREROUTING; -t raw -F @RAW; -t raw -X @RAW', ['iptables, table raw lacks the chain @RAW']],
      ['iptables', '-t nat -F PREROUTING', ['iptables, table nat, chain PREROUTING lacks \'-m comment --comment "netctl:0a1b2c3d" -j @PUBLISH\'']],
      ['iptables', '-t nat -R POSTROUTING 1 -s 192.0.2.0/24 -j @LEAVE', [
        'iptables, table nat, chain POSTROUTING lacks \'-m comment --comment "netctl:0a1b2c3d" -j @LEAVE\'',
        "iptables, table nat, chain POSTROUTING has, and nobody wants, '-s 192.0.2.0/24 -j @LEAVE'",
      ]],
      ['iptables', '-t mangle -N @MORE; -t mangle -A FORWARD -j @MORE', [
        "iptables, table mangle, chain FORWARD has, and nobody wants, '-j @MORE'",
        'iptables, table mangle has a chain @MORE that is left over',
      ]],
      ['ip6tables', '-t mangle -D @TO-ROUTED -d fd00:1::2 -p udp --dport 53 -g @ACCEPTED', ["ip6tables, table mangle, chain @TO-ROUTED lacks '-d fd00:1::2/128 -p udp -m udp --dport 53 -g @ACCEPTED'"]],
      ['ip6tables', '-D FORWARD -m mark --mark 0x10000000/0x10000000 -m comment --comment netctl:0a1b2c3d -j ACCEPT', ['ip6tables, table filter, chain FORWARD lacks \'-m mark --mark 0x10000000/0x10000000 -m comment --comment "netctl:0a1b2c3d" -j ACCEPT\'']],
      ['ebtables', '-D @SEPARATE-OUT -o veth1 -j DROP', ["ebtables, table filter, chain @SEPARATE-OUT lacks '-o veth1 -j DROP'"]],
      ['ebtables', '-I @SEPARATE 1 -p IPv4 -j RETURN', ["ebtables, table filter, chain @SEPARATE has, and nobody wants, '-p IPv4 -j RETURN'"]],
    ];

    it('says of nft what is missing, extra or different', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'nft');
      for (const [damage, sentence] of DAMAGE) {
        await build(firewall, FACTS);
        await nft(damage);
        assert.deepEqual(await messages(firewall), [sentence], damage);
      }
      await build(firewall, FACTS);
      assert.deepEqual(await messages(firewall, []), ['inet is still there and nothing needs it', 'bridge is still there and nothing needs it']);
    });

    it('says where the accept rule is missing, and who drops beside us', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'auto');
      await run(['iptables-nft', '-P', 'FORWARD', 'DROP']);
      await build(firewall, FACTS);
      assert.deepEqual(await messages(firewall), []);
      await run(['iptables-nft', '-F', 'FORWARD']);
      assert.deepEqual(await messages(firewall), ['iptables, table filter, chain FORWARD lacks \'-m mark --mark 0x10000000/0x10000000 -m comment --comment "netctl:0a1b2c3d" -j ACCEPT\'']);
      await kernel.apply(await firewall.acceptRules(true));
      await nft('table inet user { chain f { type filter hook forward priority 0; policy drop;\n ct state established accept\n }\n}\n');
      assert.match((await messages(firewall)).join(), /^table inet user, chain f drops what it does not know/);
    });

    for (const kind of ['nft', 'legacy'] as const) {
      it(`is iptables when asked for: iptables-${kind} says what is missing, extra, different or elsewhere`, async function () {
        if (kind === 'legacy' && (await run(['iptables-legacy', '-L'], { allowFail: true })).code !== 0) skip(this, 'kernel feature ip_tables');
        await using plain = await plainIptables(kind);
        assert.notEqual(plain.path, '');
        const firewall = await openFirewall(kernel, '0a1b2c3d', 'iptables');
        assert.equal(firewall.backend.name, 'iptables');
        for (const [program, damage, sentences] of IPTABLES_DAMAGE) {
          await build(firewall, FACTS);
          assert.deepEqual(await messages(firewall), [], `before ${damage}`);
          for (const words of damage.split('; ')) await run([program.replace('tables', `tables-${kind}`).replace(/^eb.*/, 'ebtables'), ...words.replaceAll('@', 'NETCTL-0a1b2c3d-').split(' ')]);
          assert.deepEqual(await messages(firewall), sentences.map((sentence) => sentence.replaceAll('@', 'NETCTL-0a1b2c3d-')), damage);
        }
        await build(firewall, FACTS);
        assert.deepEqual(await messages(firewall), []);
        await build(firewall, []);
        assert.deepEqual(await messages(firewall, []), []);
      });
    }

    it('leaves nftables as it was before iptables was used, tables and chains included', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'iptables');
      const list = async (): Promise<string> => (await run(['nft', 'list', 'ruleset'])).stdout;
      for (const before of ['', 'table ip raw { chain OUTPUT { type filter hook output priority raw; }\n }', 'table ip6 nat { chain POSTROUTING { type nat hook postrouting priority srcnat; }\n }\ntable bridge filter { chain INPUT { type filter hook input priority filter; }\n }']) {
        await nft(`flush ruleset\n${before}\n`);
        const found = await list();
        for (const facts of [FACTS, FACTS.slice(0, 1)]) await build(firewall, facts);
        await build(firewall, []);
        assert.equal(await list(), found);
      }
    });

    it('leaves what others came to use meanwhile: a chain with a rule or a policy of theirs, a table with a set', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'iptables');
      await build(firewall, FACTS);
      await run(['iptables-nft', '-P', 'FORWARD', 'DROP']);
      await run(['iptables-nft', '-t', 'nat', '-A', 'OUTPUT', '-d', '192.0.2.1', '-j', 'ACCEPT']);
      await nft('add set ip6 raw theirs { type ipv6_addr; }');
      await build(firewall, []);
      const { stdout } = await run(['nft', 'list', 'ruleset']);
      assert.deepEqual(stdout.split('\n').flatMap((line) => /^table .*(?= \{)|^\t(?:chain|set) \S+|policy drop|192\.0\.2\.1/.exec(line)?.[0].trim() ?? []), [
        'table ip nat', 'chain OUTPUT', '192.0.2.1',
        'table ip filter', 'chain FORWARD', 'policy drop',
        'table ip6 raw', 'set theirs',
      ]);
    });

    it('says when a table of iptables holds what only nft understands', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'iptables');
      await build(firewall, FACTS);
      await nft('add rule ip nat PREROUTING ct state vmap { new : accept }');
      assert.deepEqual(await messages(firewall), ['iptables, table nat cannot be read: it holds rules that only nft understands']);
    });

    it('changes from one to the other and back without leftovers', async () => {
      const [nftables, iptables] = [await openFirewall(kernel, '0a1b2c3d', 'nft'), await openFirewall(kernel, '0a1b2c3d', 'iptables')];
      for (const firewall of [iptables, nftables, iptables, nftables]) {
        await build(firewall, FACTS);
        assert.deepEqual(await messages(firewall), []);
        const rules = (await run(['nft', 'list', 'ruleset'])).stdout;
        assert.equal(rules.includes('NETCTL-'), firewall === iptables);
        assert.equal(rules.includes(TABLE), firewall === nftables);
      }
      await build(nftables, []);
      assert.doesNotMatch((await run(['nft', 'list', 'ruleset'])).stdout, /netctl/i);
    });

    it('two owners on one machine leave each other alone', async () => {
      const [one, two] = [await openFirewall(kernel, '0a1b2c3d', 'nft'), await openFirewall(kernel, 'ffffffff', 'iptables')];
      await run(['iptables-nft', '-N', 'DOCKER-USER']);
      await run(['iptables-nft', '-A', 'FORWARD', '-j', 'DOCKER-USER']);
      // the second one makes the FORWARD chain of ip6tables, in which the first one has no rule yet
      for (const firewall of [one, two, one]) await build(firewall, FACTS);
      assert.deepEqual(await messages(one), []);
      assert.deepEqual(await messages(two), []);
      await build(one, []);
      assert.deepEqual(await messages(two), []);
    });
  });
});
