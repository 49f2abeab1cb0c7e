import assert from 'node:assert/strict';
import type { Fact, NetworkFacts, PublishedPortFacts } from '../../src/firewall/facts.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { Op } from '../../src/kernel/op.ts';

const nft = nftBackend('0a1b2c3d');
const iptables = iptablesBackend('0a1b2c3d', { variant: 'nft' });

const BLUE: NetworkFacts = {
  kind: 'network',
  bridge: 'br-blue',
  icc: false,
  internal: false,
  trustedInterfaces: ['wg0'],
  families: [
    { family: 4, subnets: ['172.18.0.0/16'], mode: 'nat', masquerade: true },
    { family: 6, subnets: ['2001:DB8:7:0::/64'], mode: 'routed', masquerade: false },
  ],
};

const WEB: PublishedPortFacts = { kind: 'published-port', family: 4, protocol: 'tcp', hostPort: 8080, bridge: 'br-blue', address: '172.18.0.2', port: 80 };

const SMALL: readonly Fact[] = [
  BLUE,
  { kind: 'bridge-port', link: 'veth1', bridge: 'br-blue' },
  WEB,
  { kind: 'published-port', family: 4, protocol: 'udp', hostAddress: '127.0.0.1', hostPort: 53, bridge: 'br-blue', address: '172.18.0.2', port: 5353 },
  { kind: 'open-port', family: 6, protocol: 'tcp', bridge: 'br-blue', address: '2001:db8:7::2', port: 80 },
  { kind: 'host-port', family: 4, protocol: 'udp', bridge: 'br-blue', address: '172.18.0.1', port: 53 },
  { kind: 'tunnel-port', family: 4, port: 4789 },
  { kind: 'tunnel-end', family: 4, address: '192.0.2.1' },
  { kind: 'tunnel-peer', family: 4, address: '192.0.2.2' },
  { kind: 'tunnel-range', family: 4, subnet: '192.0.2.7/32' },
  { kind: 'tunnel-range', family: 6, subnet: '2001:db8:9::/64' },
  { kind: 'tunnel-link', link: 'wg7' },
  { kind: 'encrypted-port', port: 4795 },
  { kind: 'encrypted-vxlan', port: 4789, vni: 7_777_777 },
  { kind: 'guard', family: 4, link: 'eth0' },
  { kind: 'uplink', link: 'br0' },
  { kind: 'foreign-bridge', link: 'docker0' },
];

/** The text of all operations that carry one, with `rules` of the given kind only. */
function text(ops: readonly Op[], like: RegExp): string {
  const lines = ops.flatMap((op) => (op.op === 'nft' ? op.script : op.op === 'iptables-restore' ? op.batch : '').split('\n'));
  return lines.filter((line) => like.test(line)).join('\n');
}

describe('packet filter, rendered', () => {
  it('for nft: a network is elements, not rules', () => {
    assert.equal(
      text(nft.rebuild(SMALL), /^add element/),
      `add element inet netctl_0a1b2c3d bridges { "br-blue" }
add element inet netctl_0a1b2c3d inside { "br-blue" . "br-blue" : goto inside_closed }
add element inet netctl_0a1b2c3d trusted { "wg0" . "br-blue" }
add element inet netctl_0a1b2c3d own4 { "br-blue" . 172.18.0.0/16 }
add element inet netctl_0a1b2c3d subnets4 { ip . 172.18.0.0/16 }
add element inet netctl_0a1b2c3d towards4 { "br-blue" : goto to_nat }
add element inet netctl_0a1b2c3d from4 { "br-blue" }
add element inet netctl_0a1b2c3d masquerade4 { ip . 172.18.0.0/16 }
add element inet netctl_0a1b2c3d own6 { "br-blue" . 2001:db8:7::/64 }
add element inet netctl_0a1b2c3d subnets6 { ip6 . 2001:db8:7::/64 }
add element inet netctl_0a1b2c3d towards6 { "br-blue" : goto to_routed }
add element inet netctl_0a1b2c3d from6 { "br-blue" }
add element bridge netctl_0a1b2c3d separate { "veth1" }
add element inet netctl_0a1b2c3d ports4 { tcp . 8080 : 172.18.0.2 . 80 }
add element inet netctl_0a1b2c3d ports_on4 { 127.0.0.1 . udp . 53 : 172.18.0.2 . 5353 }
add element inet netctl_0a1b2c3d open6 { 2001:db8:7::2 . tcp . 80 }
add element inet netctl_0a1b2c3d host_ports4 { "br-blue" . 172.18.0.1 . udp . 53 }
add element inet netctl_0a1b2c3d tunnel_ports4 { 4789 }
add element inet netctl_0a1b2c3d tunnel_ends4 { 192.0.2.1 }
add element inet netctl_0a1b2c3d tunnel_peers4 { 192.0.2.2 }
add element inet netctl_0a1b2c3d tunnel_ranges4 { ip . 192.0.2.7 }
add element inet netctl_0a1b2c3d tunnel_ranges6 { ip6 . 2001:db8:9::/64 }
add element inet netctl_0a1b2c3d tunnel_links { "wg7" }
add element inet netctl_0a1b2c3d encrypted_ports { 4795 }
add element inet netctl_0a1b2c3d encrypted { 4789 . 7777777 }
add element inet netctl_0a1b2c3d guarded4 { "eth0" }
add element inet netctl_0a1b2c3d guarded_pair4 { "eth0" . "eth0" }
add element inet netctl_0a1b2c3d uplinks { "br0" }`,
    );
  });

  it('for nft: everything else is the same for every network', () => {
    const [small, tiny] = [SMALL, [WEB]].map((facts) => text(nft.rebuild(facts), /^(?!add element)/));
    assert.equal(small, tiny);
    assert.doesNotMatch(small ?? '', /br-blue|172\.18|192\.0\.2|4789|veth1/);
  });

  it('for nft: tables are replaced in one transaction, whether they were there or not', () => {
    const [op, ...more] = nft.rebuild([WEB]);
    assert.deepEqual(more, []);
    assert.match(op?.op === 'nft' ? op.script : '', /^table inet netctl_0a1b2c3d\ndelete table inet netctl_0a1b2c3d\ntable bridge netctl_0a1b2c3d\ndelete table bridge netctl_0a1b2c3d\ntable inet netctl_0a1b2c3d \{\n/);
    assert.deepEqual(nft.rebuild([]), [
      { op: 'nft', script: 'table inet netctl_0a1b2c3d\ndelete table inet netctl_0a1b2c3d\ntable bridge netctl_0a1b2c3d\ndelete table bridge netctl_0a1b2c3d\n' },
    ]);
  });

  it('for nft: a port that moves makes room first', () => {
    const place = { family: 'inet', table: 'netctl_0a1b2c3d', set: 'ports4' };
    const key = [{ type: 'inet_proto', value: 'tcp' }, { type: 'inet_service', value: '8080' }];
    const data = [{ type: 'ipv4_addr', value: '172.18.0.3' }, { type: 'inet_service', value: '80' }];
    assert.deepEqual(nft.change([BLUE, WEB], [BLUE, { ...WEB, address: '172.18.0.3' }]), [
      {
        op: 'nft',
        script: 'delete element inet netctl_0a1b2c3d ports4 { tcp . 8080 }\nadd element inet netctl_0a1b2c3d ports4 { tcp . 8080 : 172.18.0.3 . 80 }\n',
        elements: [{ change: 'delete', ...place, key }, { change: 'add', ...place, key, data }],
      },
    ]);
  });

  it('for nft: a network that opens up changes two elements', () => {
    assert.deepEqual(nft.change([BLUE], [{ ...BLUE, icc: true }]), [
      { op: 'nft', script: 'delete element inet netctl_0a1b2c3d inside { "br-blue" . "br-blue" }\nadd element inet netctl_0a1b2c3d inside { "br-blue" . "br-blue" : goto accepted }\n' },
    ]);
  });

  it('for iptables: what a network adds to the chains', () => {
    const own = text(iptables.rebuild(SMALL), /br-blue|172\.18|192\.0\.2|47[89]\d|veth1|eth0|wg[07]|br0|docker0|2001:db8:7/).replaceAll('NETCTL-0a1b2c3d-', '');
    assert.equal(
      own,
      `-A RAW -s 172.18.0.0/16 ! -i br-blue -j DROP
-A PORTS -d 127.0.0.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 172.18.0.2:5353
-A PORTS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80
-A PUBLISH -i br-blue -j MARK --set-xmark 0x10000000/0x10000000
-A LEAVE -s 127.0.0.0/8 -o br-blue -j MASQUERADE
-A LEAVE -s 172.18.0.0/16 -o br-blue -m conntrack --ctstate DNAT -j MASQUERADE
-A LEAVE -s 172.18.0.0/16 ! -o br-blue -j MASQUERADE
-A EARLY -i br-blue -m conntrack --ctstate DNAT -j MARK --set-xmark 0x10000000/0x10000000
-A CLEAR -i wg7 -j RETURN
-A CLEAR -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc>>0x8=0x76adf1" -j DROP
-A HOST -d 172.18.0.1/32 -i br-blue -p udp -m udp --dport 53 -g ACCEPTED
-A HOST -p udp -m udp --dport 4789 -g TUNNEL
-A HOST -p udp -m udp --dport 4795 -g ENCRYPTED
-A HOST -i wg7 -j DROP
-A INNER -i br-blue -j DROP
-A ENDS -d 192.0.2.1/32 -j RETURN
-A TUNNEL -s 192.0.2.2/32 -g ACCEPTED
-A TUNNEL -s 192.0.2.7/32 -g ACCEPTED
-A CLOSED -i wg7 -j DROP
-A CLOSED -o wg7 -j DROP
-A TO-NAT -i wg0 -o br-blue -g ACCEPTED
-A ELSEWHERE -o docker0 -j RETURN
-A PEERS -d 192.0.2.2/32 -j DROP
-A PEERS -d 192.0.2.7/32 -j DROP
-A TO-TUNNELS -p udp -m udp --dport 4789 -j PEERS
-A FORWARD -i br-blue -o br-blue -g INSIDE
-A FORWARD ! -i br-blue -o br-blue -g TO-NAT
-A FORWARD -i br-blue ! -o br-blue -g FROM-OURS
-A SENT -o wg7 -j RETURN
-A SENT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc>>0x8=0x76adf1" -j DROP
-A GUARD -i br0 -o br0 -j RETURN
-A GUARD -i docker0 -o docker0 -j RETURN
-A GUARD -i eth0 -j DROP
-A RAW -s 2001:db8:7::/64 ! -i br-blue -j DROP
-A PUBLISH -i br-blue -j MARK --set-xmark 0x10000000/0x10000000
-A LEAVE -s 2001:db8:7::/64 -o br-blue -m conntrack --ctstate DNAT -j MASQUERADE
-A EARLY -i br-blue -m conntrack --ctstate DNAT -j MARK --set-xmark 0x10000000/0x10000000
-A CLEAR -i wg7 -j RETURN
-A CLEAR -p udp -m udp --dport 4789 -m u32 --u32 "0x34>>0x8=0x76adf1" -j DROP
-A CLEAR -p udp -m udp --dport 4789 -m u32 --u32 "0x4>>0x8&0xff=0x0:0x10,0x12:0xff" -m comment --comment vni-7777777 -j DROP
-A HOST -p udp -m udp --dport 4795 -g ENCRYPTED
-A HOST -i wg7 -j DROP
-A INNER -i br-blue -j DROP
-A CLOSED -i wg7 -j DROP
-A CLOSED -o wg7 -j DROP
-A TO-NAT -i wg0 -o br-blue -g ACCEPTED
-A TO-ROUTED -d 2001:db8:7::2/128 -p tcp -m tcp --dport 80 -g ACCEPTED
-A ELSEWHERE -o docker0 -j RETURN
-A FORWARD -i br-blue -o br-blue -g INSIDE
-A FORWARD ! -i br-blue -o br-blue -g TO-ROUTED
-A FORWARD -i br-blue ! -o br-blue -g FROM-OURS
-A SENT -o wg7 -j RETURN
-A SENT -p udp -m udp --dport 4789 -m u32 --u32 "0x34>>0x8=0x76adf1" -j DROP
-A SENT -p udp -m udp --dport 4789 -m u32 --u32 "0x4>>0x8&0xff=0x0:0x10,0x12:0xff" -m comment --comment vni-7777777 -j DROP
-A GUARD -i br0 -o br0 -j RETURN
-A GUARD -i docker0 -o docker0 -j RETURN
-A SEPARATE-OUT -o veth1 -j DROP
-A SEPARATE -i veth1 -j SEPARATE-OUT`,
    );
  });

  it('for iptables: no chain name is longer than the kernel takes, and all carry the owner', () => {
    const names = iptables.rebuild(SMALL).flatMap((op) => (op.op === 'iptables-restore' ? op.batch.split('\n') : [])).flatMap((line) => (line.startsWith(':') ? [line.slice(1).split(' ')[0] ?? ''] : []));
    assert.ok(names.length > 20);
    assert.deepEqual(names.filter((name) => name.length > 28 || !name.startsWith('NETCTL-0a1b2c3d-')), []);
  });

  for (const backend of [nft, iptables]) {
    it(`for ${backend.name}: nothing changes, nothing is done`, () => {
      assert.deepEqual(backend.change(SMALL, SMALL.toReversed()), []);
    });

    it(`for ${backend.name}: hostile texts are refused by name, wherever they stand`, () => {
      for (const [value, fact] of hostile()) {
        for (const render of [() => backend.rebuild([fact]), () => backend.change([], [fact]), () => backend.change([fact], [])]) {
          assert.throws(render, (error: Error & { code?: string }) => error.code === 'INVALID' && !error.message.includes('\n'), `${backend.name}: ${JSON.stringify(value)} in a ${fact.kind}`);
        }
      }
    });

    it(`for ${backend.name}: strange but harmless interface names are taken`, () => {
      assert.doesNotThrow(() => backend.rebuild([{ kind: 'guard', family: 4, link: 'wlx0+1' }, { kind: 'guard', family: 4, link: 'tun%d;{}' }]));
    });
  }

  it('refuses an instance that is not 8 hex digits', () => {
    for (const instance of ['', '0a1b2c3', '0A1B2C3D', '0a1b2c3d4', '0a1b-c3d', '../../ab']) {
      assert.throws(() => nftBackend(instance), { code: 'INVALID' });
      assert.throws(() => iptablesBackend(instance, { variant: 'nft' }), { code: 'INVALID' });
    }
  });
});

const BAD_NAMES = ['', 'x"; flush ruleset', 'a b', "a'b", 'a\\b', 'a/b', 'a\nb', 'sixteen-letters-', 'eth*', 'eth+', '!eth0', '-j', '.', '..', 'ü', 'a\u0000', 'a\u007f'];
const BAD_ADDRESSES = ['', '172.18.0.2; flush ruleset', '172.18.0.2/24', '172.18.0.999', 'fd00::1', '0x7f.1', 'host', '172.18.0.2\n'];

function hostile(): [string | number, Fact][] {
  const [nat] = BLUE.families;
  assert.ok(nat !== undefined);
  return [
    ...BAD_NAMES.flatMap((name): [string, Fact][] => [
      [name, { ...BLUE, bridge: name }],
      [name, { ...BLUE, trustedInterfaces: [name] }],
      [name, { kind: 'bridge-port', link: name, bridge: 'br-blue' }],
      [name, { kind: 'guard', family: 4, link: name }],
      [name, { kind: 'tunnel-link', link: name }],
    ]),
    ...BAD_ADDRESSES.flatMap((address): [string, Fact][] => [
      [address, { ...WEB, address }],
      [address, { ...WEB, hostAddress: address }],
      [address, { kind: 'open-port', family: 4, protocol: 'tcp', bridge: 'br-blue', address, port: 80 }],
      [address, { ...BLUE, families: [{ ...nat, source: address }] }],
    ]),
    ...['0.0.0.0/0', '172.18.0.0', '172.18.0.1/16', '172.18.0.0/33', 'fd00::/64', '172.18.0.0/16, 1.2.3.4'].map((subnet): [string, Fact] => [subnet, { ...BLUE, families: [{ ...nat, subnets: [subnet] }] }]),
    ...[0, -1, 65_536, 1.5, Number.NaN].flatMap((port): [number, Fact][] => [
      [port, { ...WEB, port }],
      [port, { ...WEB, hostPort: port }],
      [port, { kind: 'encrypted-vxlan', port, vni: 7 }],
    ]),
    ...[0, -1, 0x1000000, 1.5, Number.NaN].map((vni): [number, Fact] => [vni, { kind: 'encrypted-vxlan', port: 4789, vni }]),
    // what the store gives back has no types
    ['tcp; x', JSON.parse(JSON.stringify({ ...WEB, protocol: 'tcp; x' })) as Fact],
  ];
}
