import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { explain } from '../../src/kernel/explain.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Op } from '../../src/kernel/op.ts';
import { hereDocument, shellQuote } from '../../src/kernel/shell-quote.ts';
import { refuses } from '../support/refusal.ts';

const blue = '/run/netns/blue';
const CASES: readonly (readonly [Op, string])[] = [
  [{ op: 'link-add', namespace: HOST, name: 'br0', kind: { type: 'bridge' }, up: true, group: 77 }, 'ip link add name br0 group 77 up type bridge'],
  [
    { op: 'link-add', namespace: HOST, name: 'v0', kind: { type: 'veth', peer: { namespace: blue, name: 'eth0', mac: '02:00:00:00:00:02', mtu: 1400 } }, master: 'br0', alias: 'net one' },
    "ip link add name v0 master br0 type veth peer name eth0 address 02:00:00:00:00:02 mtu 1400 netns blue && ip link set dev v0 alias 'net one'",
  ],
  [
    { op: 'link-add', namespace: HOST, name: 'eth0.100', kind: { type: 'vlan', id: 100, parent: { namespace: HOST, name: 'eth0' } }, up: true },
    'ip link add link eth0 name eth0.100 up type vlan id 100',
  ],
  [
    { op: 'link-add', namespace: HOST, name: 'm0', kind: { type: 'macvlan', mode: 'source', sources: ['02:00:00:00:00:07', '02:00:00:00:00:08'], parent: { namespace: HOST, name: 'eth0' } }, mac: '02:00:00:00:00:02' },
    'ip link add link eth0 name m0 address 02:00:00:00:00:02 type macvlan mode source macaddr set 02:00:00:00:00:07 02:00:00:00:00:08',
  ],
  // A name that is taken where the parent stands would be refused by older kernels.
  [
    { op: 'link-add', namespace: blue, name: 'eth0', kind: { type: 'ipvlan', mode: 'l3', flag: 'private', parent: { namespace: HOST, name: 'eth0' } }, group: 9, alias: 'one' },
    'ip link add link eth0 name new3e7feb287d group 9 netns blue type ipvlan mode l3 private && ip -n blue link set dev new3e7feb287d name eth0 alias one',
  ],
  [{ op: 'link-add', namespace: HOST, name: 'd0', kind: { type: 'dummy' } }, 'ip link add name d0 type dummy'],
  [{ op: 'link-add', namespace: HOST, name: 'wg0', kind: { type: 'wireguard' }, mtu: 1440, alias: 'ours' }, 'ip link add name wg0 mtu 1440 type wireguard && ip link set dev wg0 alias ours'],
  // The private key is read from where it is, and told nobody.
  [{ op: 'wireguard-set', namespace: HOST, link: 'wg0', keyFile: '/var/lib/netctl/wireguard.key', publicKey: 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=', port: 51872 }, 'wg set wg0 private-key /var/lib/netctl/wireguard.key listen-port 51872'],
  [
    { op: 'wireguard-peer-set', namespace: blue, link: 'wg0', publicKey: 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=', endpoint: { address: '2001:db8::1', port: 51872 }, allowed: ['fd00::1/128', '10.0.0.0/8'] },
    "ip netns exec blue wg set wg0 peer hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo= endpoint '[2001:db8::1]:51872' allowed-ips fd00::1/128,10.0.0.0/8",
  ],
  [{ op: 'wireguard-peer-delete', namespace: HOST, link: 'wg0', publicKey: 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=' }, 'wg set wg0 peer hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo= remove'],
  [{ op: 'link-set', namespace: blue, name: 'eth0', up: true }, 'ip -n blue link set dev eth0 up'],
  [{ op: 'link-set', namespace: blue, name: 'eth0', up: false, master: null, rename: 'x', moveTo: HOST }, 'ip -n blue link set dev eth0 down nomaster name x netns 1'],
  [{ op: 'link-delete', namespace: '/proc/42/ns/net', name: 'eth0' }, 'nsenter --net=/proc/42/ns/net ip link delete dev eth0'],
  [{ op: 'link-group-delete', namespace: HOST, group: 9 }, 'ip link delete group 9 || :'],
  [{ op: 'bridge-port-set', namespace: HOST, name: 'v0', hairpin: true }, 'bridge link set dev v0 hairpin on'],
  [{ op: 'bridge-port-set', namespace: HOST, name: 'v0', hairpin: true, isolated: false }, 'bridge link set dev v0 hairpin on isolated off'],
  [{ op: 'bridge-port-set', namespace: HOST, name: 'vx0', learning: false, neighbourSuppression: true }, 'bridge link set dev vx0 learning off neigh_suppress on'],
  [
    { op: 'link-add', namespace: HOST, name: 'vx0', kind: { type: 'vxlan', id: 7, port: 4789, local: '192.0.2.1' }, mtu: 1450, master: 'br0' },
    'ip link add name vx0 mtu 1450 master br0 type vxlan id 7 dstport 4789 local 192.0.2.1 nolearning udpcsum df inherit',
  ],
  [
    { op: 'link-add', namespace: blue, name: 'vx0', kind: { type: 'vxlan', id: 7, port: 8472, local: '2001:db8::1', learning: true } },
    'ip -n blue link add name vx0 type vxlan id 7 dstport 8472 local 2001:db8::1 learning noudp6zerocsumtx noudp6zerocsumrx',
  ],
  [{ op: 'fdb-add', namespace: HOST, link: 'vx0', mac: '02:00:00:00:00:02', destination: '192.0.2.2' }, 'bridge fdb replace 02:00:00:00:00:02 dev vx0 dst 192.0.2.2 self permanent'],
  [{ op: 'fdb-add', namespace: HOST, link: 'vx0', mac: '00:00:00:00:00:00', destination: '192.0.2.2' }, 'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2 self permanent'],
  [{ op: 'fdb-add', namespace: blue, link: 'vx0', mac: '02:00:00:00:00:02', master: true }, 'bridge -n blue fdb replace 02:00:00:00:00:02 dev vx0 master static sticky'],
  [{ op: 'fdb-delete', namespace: HOST, link: 'vx0', mac: '02:00:00:00:00:02', destination: '192.0.2.2' }, 'bridge fdb delete 02:00:00:00:00:02 dev vx0 dst 192.0.2.2 self'],
  [{ op: 'fdb-delete', namespace: HOST, link: 'vx0', mac: '02:00:00:00:00:02', master: true }, 'bridge fdb delete 02:00:00:00:00:02 dev vx0 master'],
  [{ op: 'neighbour-add', namespace: HOST, link: 'br0', address: 'fd00::2', mac: '02:00:00:00:00:02' }, 'ip neighbour replace fd00::2 lladdr 02:00:00:00:00:02 nud permanent dev br0'],
  [{ op: 'neighbour-delete', namespace: blue, link: 'br0', address: '10.0.0.2', mac: '02:00:00:00:00:02' }, 'ip -n blue neighbour delete 10.0.0.2 dev br0'],
  [{ op: 'address-add', namespace: blue, link: 'eth0', address: '10.0.0.2/24' }, 'ip -n blue address add 10.0.0.2/24 brd + dev eth0'],
  [{ op: 'address-add', namespace: blue, link: 'eth0', address: 'fd00::2/64' }, 'ip -n blue address add fd00::2/64 nodad dev eth0'],
  [{ op: 'address-delete', namespace: HOST, link: 'br0', address: '10.0.0.1/32' }, 'ip address delete 10.0.0.1/32 dev br0'],
  [{ op: 'address-flush', namespace: HOST, link: 'br0' }, 'ip address flush dev br0 scope global'],
  [{ op: 'route-add', namespace: blue, link: 'eth0', destination: '0.0.0.0/0', gateway: '10.0.0.1' }, 'ip -n blue route replace default via 10.0.0.1 dev eth0'],
  [{ op: 'route-add', namespace: HOST, link: 'br0', destination: 'fd01::/64', gateway: 'fd00::1', metric: 5 }, 'ip -6 route replace fd01::/64 via fd00::1 dev br0 metric 5 proto 78'],
  [{ op: 'route-delete', namespace: '/proc/42/ns/net', link: 'eth0', destination: '::/0' }, 'nsenter --net=/proc/42/ns/net ip -6 route delete default dev eth0'],
  [{ op: 'sysctl-set', namespace: blue, key: 'net/ipv4/conf/eth0.1/rp_filter', value: '1', optional: true }, 'ip netns exec blue sysctl -e -q -w net/ipv4/conf/eth0.1/rp_filter=1'],
  [{ op: 'namespace-add', name: 'blue' }, 'ip netns add blue && ip -n blue link set dev lo up'],
  [
    { op: 'namespace-add', name: 'blue', label: 'netctl:1:2', sysctls: [{ key: 'net/ipv4/ip_default_ttl', value: '9' }] },
    'ip netns add blue && ip -n blue link set dev lo up alias netctl:1:2 && ip netns exec blue sysctl -q -w net/ipv4/ip_default_ttl=9',
  ],
  [{ op: 'namespace-delete', name: 'blue' }, 'ip netns delete blue'],
  [{ op: 'namespace-delete', name: 'blue', label: 'netctl:1:2' }, 'ip netns delete blue'],
  [{ op: 'processes-end', name: 'blue', label: 'netctl:1:2' }, `sh -c 'ip netns pids "$1" | xargs -r kill -KILL' sh blue`],
  [{ op: 'announce', namespace: blue, link: 'eth0', address: '10.0.0.2', mac: '02:00:00:00:00:02', count: 3, interval: 1000 }, 'ip netns exec blue arping -U -c 3 -I eth0 10.0.0.2 || :'],
  [
    { op: 'redirect-set', namespace: blue, table: 'netctl_0a0b0c0d', address: '127.0.0.11', port: 53, udp: 40001, tcp: 40002 },
    [
      "ip netns exec blue nft -f - <<'EOF'",
      'table netdev netctl_0a0b0c0d',
      'delete table netdev netctl_0a0b0c0d',
      'table netdev netctl_0a0b0c0d {',
      '\tchain arrive {',
      '\t\ttype filter hook ingress device "lo" priority 0; policy accept',
      '\t\tip daddr 127.0.0.11 udp dport 53 udp dport set 40001',
      '\t\tip saddr 127.0.0.11 udp sport 40001 udp sport set 53',
      '\t\tip daddr 127.0.0.11 tcp dport 53 tcp dport set 40002',
      '\t\tip saddr 127.0.0.11 tcp sport 40002 tcp sport set 53',
      '\t}',
      '}',
      'EOF',
    ].join('\n'),
  ],
  [{ op: 'redirect-delete', namespace: blue, table: 'netctl_0a0b0c0d' }, 'ip netns exec blue nft delete table netdev netctl_0a0b0c0d'],
  [{ op: 'nft', script: "add table ip x\nadd chain ip x 'c'" }, "nft -f - <<'EOF'\nadd table ip x\nadd chain ip x 'c'\nEOF"],
  [{ op: 'iptables-restore', family: 6, variant: 'legacy', batch: '*filter\nEOF\nCOMMIT\n' }, "ip6tables-legacy-restore --noflush -w <<'EOF_'\n*filter\nEOF\nCOMMIT\nEOF_"],
];

describe('explain', () => {
  for (const [op, command] of CASES) it(command.split('\n')[0] ?? '', () => assert.deepEqual(explain([op]), [command]));

  it('quotes so that a shell reads back every word', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => !/[\0\r]/u.test(text) && Buffer.from(text).toString() === text);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const out = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`], { encoding: 'utf8' });
        assert.deepEqual(out.split('\0').slice(0, -1), words);
      }),
      { numRuns: 20 },
    );
  });

  it('puts any text into a here-document', () => {
    for (const text of ['EOF\nEOF_\n', '$HOME `id` \\\n', "it's\n"]) {
      assert.equal(execFileSync('sh', ['-c', `cat ${hereDocument(text)}\n`], { encoding: 'utf8' }), text);
    }
  });

  it('refuses names that would mean something else to a program', () => {
    refuses(() => explain([{ op: 'link-delete', namespace: HOST, name: 'a b' }]), 'INVALID');
    refuses(() => explain([{ op: 'namespace-add', name: 'a;b/c' }]), 'INVALID');
    refuses(() => explain([{ op: 'sysctl-set', namespace: HOST, key: '../x', value: '1' }]), 'INVALID');
  });
});
