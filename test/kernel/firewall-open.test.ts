import assert from 'node:assert/strict';
import type { Fact } from '../../src/firewall/facts.ts';
import { openFirewall, type OpenFirewall } from '../../src/firewall/open-firewall.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';

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
      [`insert rule inet ${TABLE} forward accept`, 'inet, chain forward has 4 rules instead of 3'],
      [`add chain inet ${TABLE} more`, 'inet has a chain more that is not ours'],
      [`delete element inet ${TABLE} ports4 { tcp . 8080 }`, 'inet, set ports4 lacks tcp . 8080 : 10.1.0.2 . 80'],
      [`add element inet ${TABLE} ports4 { udp . 8080 : 10.1.0.9 . 80 }`, 'inet, set ports4 has, and nobody wants, udp . 8080 : 10.1.0.9 . 80'],
      [`delete element inet ${TABLE} own4 { "br-a" . 10.1.1.0/24 }`, 'inet, set own4 lacks "br-a" . 10.1.1.0/24'],
      [`delete element inet ${TABLE} inside { "br-a" . "br-a" }\nadd element inet ${TABLE} inside { "br-a" . "br-a" : goto accepted }`, 'inet, set inside lacks "br-a" . "br-a" : goto inside_closed'],
      [`flush set bridge ${TABLE} separate`, 'bridge, set separate lacks "veth1"'],
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
      assert.deepEqual(await messages(firewall), ['in iptables, rules of ours are missing, at a wrong place or left over']);
      await kernel.apply(await firewall.acceptRules(true));
      await nft('table inet user { chain f { type filter hook forward priority 0; policy drop;\n ct state established accept\n }\n}\n');
      assert.match((await messages(firewall)).join(), /^table inet user, chain f drops what it does not know/);
    });

    it('is iptables when asked for, with drift and repair of its own', async () => {
      const firewall = await openFirewall(kernel, '0a1b2c3d', 'iptables');
      assert.equal(firewall.backend.name, 'iptables');
      await build(firewall, FACTS);
      assert.deepEqual(await messages(firewall), []);
      await run(['iptables-nft', '-t', 'nat', '-F', 'PREROUTING']);
      await run(['iptables-nft', '-t', 'nat', '-F', 'NETCTL-0a1b2c3d-PORTS']);
      assert.deepEqual(await messages(firewall), ['iptables, table nat, chain NETCTL-0a1b2c3d-PORTS has 0 rules instead of 2', 'in iptables, rules of ours are missing, at a wrong place or left over']);
      await build(firewall, FACTS);
      assert.deepEqual(await messages(firewall), []);
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
