import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePeers } from '../../src/cluster/static/parse-peers.ts';
import { peerRecord, peersEntries } from '../../src/cluster/static/peers-entries.ts';
import { readPeers } from '../../src/cluster/static/read-peers.ts';
import { readRecord } from '../../src/cluster/read-record.ts';
import type { SharedEndpoint, SharedNetwork } from '../../src/cluster/records.ts';
import { spanningMac } from '../../src/cluster/spanning-mac.ts';
import { refuses } from '../support/refusal.ts';

const GOOD = `hosts:
  h1: 192.0.2.1
  h2: 192.0.2.2
networks:
  blue:
    vni: 77
    subnets: 10.1.0.0/24
    blocks:
      h1: 10.1.0.0/26
      h2: [10.1.0.64/28, 10.1.0.240/28]
    names:
      web: 10.1.0.70
`;

/** The good file with something else in it. */
function refused(from: string, to: string, ...patterns: readonly RegExp[]): void {
  assert.ok(GOOD.includes(from), from);
  refuses(() => parsePeers('/etc/peers.yaml', GOOD.replace(from, to)), 'INVALID', ...patterns);
}

function records<Record>(kind: string, self: string, text = GOOD): Record[] {
  const entries = [...peersEntries(parsePeers('f', text), self)];
  return entries.flatMap(([key, value]) => {
    const read = readRecord(key, value);
    assert.ok(typeof read !== 'string', String(read));
    return read?.kind === kind ? [read.record as Record] : [];
  });
}

describe('a file of hosts and their blocks', () => {
  it('says what a shared store would, with every address of the other hosts', () => {
    const [network] = records<SharedNetwork>('network', 'h1');
    assert.ok(network);
    const { name, vni, mtu, ipv4 } = network;
    assert.deepEqual({ name, vni, mtu, ipv4 }, { name: 'blue', vni: 77, mtu: 1450, ipv4: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.1', auxiliary: {} }] });
    const endpoints = records<SharedEndpoint>('endpoint', 'h1');
    // Two blocks of 16, without the broadcast address.
    assert.equal(endpoints.length, 31);
    const web = endpoints.find(({ ipv4: address }) => address === '10.1.0.70/24');
    const { id } = peerRecord(parsePeers('f', GOOD), 'h2');
    assert.deepEqual(web, { id: web?.id, networkId: network.id, hostId: id, mac: spanningMac(network.id, { ipv4: '10.1.0.70/24' }), ipv4: '10.1.0.70/24', names: ['web'], services: [] });
    // Of 64, without the network's own address and the gateway.
    assert.equal(records('endpoint', 'h2').length, 62);
  });

  it('is the same on every host, and JSON as well', () => {
    const json = JSON.stringify({ hosts: { h1: '192.0.2.1', h2: '192.0.2.2' }, networks: { blue: { vni: 77, subnets: ['10.1.0.0/24'], blocks: { h1: ['10.1.0.0/26'], h2: ['10.1.0.64/28', '10.1.0.240/28'] }, names: { web: '10.1.0.70' } } } });
    assert.deepEqual(parsePeers('f', json), parsePeers('f', GOOD));
    assert.deepEqual(records('network', 'h1'), records('network', 'h2', json));
    const [[before], [after]] = [GOOD, GOOD.replace('vni: 77', 'vni: 78')].map((text) => records<SharedNetwork>('network', 'h1', text)) as [SharedNetwork[], SharedNetwork[]];
    assert.notEqual(before?.id, after?.id);
  });

  it('has IPv6 addresses of networks without IPv4, and leaves others to neighbour discovery', () => {
    const six = `hosts: {h1: '2001:db8::1', h2: '2001:db8::2'}\nnetworks:\n  blue: {vni: 7, subnets: ['fd00:1::/64'], blocks: {h1: ['fd00:1::/126'], h2: ['fd00:1::4/126']}}\n`;
    assert.deepEqual(records<SharedEndpoint>('endpoint', 'h1', six).map(({ ipv6 }) => ipv6), ['fd00:1::4/64', 'fd00:1::5/64', 'fd00:1::6/64', 'fd00:1::7/64']);
    assert.equal(records<SharedNetwork>('network', 'h1', six)[0]?.mtu, 1430);
    const both = GOOD.replace('10.1.0.0/24', `[10.1.0.0/24, 'fd00:1::/64']`).replace('[10.1.0.64/28,', `['fd00:1::/120', 10.1.0.64/28,`);
    assert.deepEqual(records<SharedEndpoint>('endpoint', 'h1', both).flatMap(({ ipv6 = [] }) => ipv6), []);
  });

  it('is refused with file, line and way out where it cannot be meant', () => {
    refused('h2: 192.0.2.2', 'h2: 192.0.2.1', /^\/etc\/peers\.yaml:3: hosts 'h1' and 'h2' have one address, 192\.0\.2\.1/);
    refused('h2: 192.0.2.2', "h2: '2001:db8::1'", /:3: .*VXLAN needs one family/);
    refused('h2: 192.0.2.2', 'h2: 192.0.2', /:3: .*'192\.0\.2'/);
    for (const nowhere of ['127.0.0.1', '0.0.0.0', '224.0.0.5']) refused('h2: 192.0.2.2', `h2: ${nowhere}`, /:3: host 'h2' has .*, at which no other host can reach it/);
    refused('h2: 192.0.2.2', 'h1: 192.0.2.2', /:3: no YAML: .*unique/);
    refused('    vni', '   vni', /:\d+: no YAML/);
    refused('vni: 77', 'vni: 16777216', /:6: 'networks\.blue\.vni' is 16777216: 16777215 is the most$/);
    refused('vni: 77\n', 'vni: 77\n    mtu: 1400\n', /:7: there is no 'mtu' here: is it spelt right\?/);
    refused('    vni: 77\n', '', /:5: 'networks\.blue\.vni' has to be a number, and there is nothing$/);
    refused('subnets: 10.1.0.0/24', 'subnets: 10.1.0.7/24', /:7: .*host bits/);
    refused('subnets: 10.1.0.0/24', 'subnets: 192.0.2.0/24', /:7: subnet 192\.0\.2\.0\/24 has the address 192\.0\.2\.1 of host 'h1' in it/);
    refused('subnets: 10.1.0.0/24', 'subnets: 10.1.0.0/24\n    gateways: [10.1.0.5, 10.1.0.6]', /:8: subnet 10\.1\.0\.0\/24 has gateway 10\.1\.0\.5 already: leave 10\.1\.0\.6 out$/);
    refused('subnets: 10.1.0.0/24', 'subnets: 10.1.0.0/24\n    gateways: 10.2.0.1', /:8: gateway 10\.2\.0\.1 lies in no subnet/);
    refused('h1: 10.1.0.0/26', 'h1: 10.2.0.0/26', /:9: block 10\.2\.0\.0\/26 lies in no subnet of the network, which has 10\.1\.0\.0\/24/);
    refused('h1: 10.1.0.0/26', 'h1: 10.1.0.0/25', /:10: block 10\.1\.0\.64\/28 of host 'h2' overlaps 10\.1\.0\.0\/25 of host 'h1'/);
    refused('h1: 10.1.0.0/26', 'h3: 10.1.0.0/26', /:9: 'h3' has blocks and stands not among the hosts: there are h1, h2/);
    refused('web: 10.1.0.70', 'web: 10.1.0.200', /:12: name 'web' leads to 10\.1\.0\.200, which is in no block/);
    for (const taken of ['10.1.0.0', '10.1.0.1', '10.1.0.255']) refused('web: 10.1.0.70', `web: ${taken}`, /:12: name 'web' leads to 10\.1\.0\.\d+, which no sandbox can have/);
    refused('names:', 'options: {encrypted: true}\n    names:', /:11: option encrypted needs keys/);
    refused('names:', 'red:', /:11: there is no 'red' here/);
    refuses(() => parsePeers('f', GOOD.replaceAll('10.1.0.0/24', '10.0.0.0/8').replace('10.1.0.0/26', '10.4.0.0/21')), 'INVALID', /f:9: block 10\.4\.0\.0\/21 has 2048 addresses.* 1024 are the most/);
    const second = GOOD.slice(GOOD.indexOf('  blue')).replace('blue', 'red');
    refuses(() => parsePeers('f', GOOD + second), 'INVALID', /f:14: VNI 77 is that of network 'blue'/);
    refuses(() => parsePeers('f', GOOD + second.replace('77', '78')), 'INVALID', /f:15: subnet 10\.1\.0\.0\/24 overlaps one of network 'blue'/);
    refuses(() => parsePeers('f', ''), 'INVALID', /f:1: not a file of hosts: there is nothing/);
    refused('networks:', 'network:', /:4: there is no 'network' here: is it spelt right\?$/);
    refused('vni: 77', 'vni: abc', /:6: 'networks\.blue\.vni' has to be a number, not text$/);
    refused('h1: 10.1.0.0/26', 'h1:', /:9: 'networks\.blue\.blocks\.h1' has to be text, and there is nothing$/);
    refused('h1: 10.1.0.0/26', 'h1: []', /:9: 'networks\.blue\.blocks\.h1' is an empty list: leave it out, or say what is in it$/);
    refuses(() => parsePeers('f', 'hosts: [a]\nnetworks: {}\n'), 'INVALID', /^f:1: 'hosts' has to be lines of NAME: VALUE, not a list$/);
    refuses(() => parsePeers('f', 'hosts: {h1: 192.0.2.1}\n'), 'INVALID', /^f:1: 'networks' has to be lines of NAME: VALUE, and there is nothing$/);
  });

  it('leaves to the driver what only that knows', () => {
    const [network] = records<SharedNetwork>('network', 'h1', GOOD.replace('names:', 'options: {com.docker.network.driver.mtu: abc}\n    names:'));
    assert.equal(network?.mtu, 1450);
  });

  it('is read where nobody but its owner can write it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peers-'));
    const file = join(folder, 'peers.yaml');
    try {
      refuses(() => readPeers(file), 'UNAVAILABLE', /peers\.yaml: the file of hosts cannot be read \(ENOENT\)/);
      refuses(() => readPeers(folder), 'INVALID', /not a file/);
      writeFileSync(file, GOOD);
      assert.equal(readPeers(file).hosts.size, 2);
      chmodSync(file, 0o666);
      refuses(() => readPeers(file), 'FORBIDDEN', /everybody can write this file.*chmod o-w/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
