import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { HostView, NetworkSpec } from '../../drivers/driver.ts';
import { OVERLAY_OPTION_TABLE, parseOverlayOptions } from '../../drivers/overlay/options.ts';
import { overlayDriver } from '../../drivers/overlay/overlay-driver.ts';
import { refuses } from '../support/refusal.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('options of an overlay network', () => {
  it('stand in the README as they are', () => {
    for (const { key, default: fallback, meaning } of OVERLAY_OPTION_TABLE) {
      const row = `| ${key} | ${fallback} | ${meaning.replaceAll('|', '\\|')} |`;
      assert.ok(README.includes(row), `the README lacks the row\n${row}`);
    }
  });

  it('take a VNI of 24 bits by either name', () => {
    assert.equal(parseOverlayOptions({ 'tsoverlay.vni': '16777215' }).vni, 0xffffff);
    assert.equal(parseOverlayOptions({ 'com.docker.network.driver.overlay.vxlanid_list': '4097' }).vni, 4097);
    for (const value of ['0', '16777216', '-1', 'x', '99999999999']) refuses(() => parseOverlayOptions({ 'tsoverlay.vni': value }), 'INVALID', /from 1 to 16777215/);
    refuses(() => parseOverlayOptions({ 'tsoverlay.port': '65536' }), 'INVALID', /from 1 to 65535/);
  });

  it('encrypt as Docker’s own driver is told to, and as ours; not when they say false', () => {
    for (const options of [{ encrypted: '' }, { encrypted: 'true' }, { encrypted: '1' }, { 'tsoverlay.encrypted': 'true' }, { 'tsoverlay.encrypted': 'true', encrypted: '' }]) assert.equal(parseOverlayOptions(options).encrypted, true, JSON.stringify(options));
    for (const options of [{}, { encrypted: 'false' }, { 'tsoverlay.encrypted': 'false' }]) assert.equal(parseOverlayOptions(options).encrypted, false, JSON.stringify(options));
    for (const options of [{ encrypted: 'maybe' }, { 'tsoverlay.encrypted': '' }]) refuses(() => parseOverlayOptions(options), 'INVALID', /must be true or false/);
  });

  it('are not taken where two names of one thing say two things', () => {
    refuses(() => parseOverlayOptions({ 'tsoverlay.encrypted': 'false', encrypted: '' }), 'INVALID', /^options tsoverlay\.encrypted='false' and encrypted='' are two names of one thing: leave one of them out$/);
    refuses(() => parseOverlayOptions({ 'tsoverlay.vni': '5', 'com.docker.network.driver.overlay.vxlanid_list': '6' }), 'INVALID', /two names of one thing/);
    refuses(() => parseOverlayOptions({ 'tsoverlay.vni': '5', 'com.docker.network.driver.overlay.vxlanid_list': '6,7' }), 'INVALID', /vxlanid_list='6,7': must be a whole number/);
    assert.equal(parseOverlayOptions({ 'tsoverlay.vni': '5', 'com.docker.network.driver.overlay.vxlanid_list': '5' }).vni, 5);
  });

  it('name routers as ranges of addresses, where a routing daemon knows them', () => {
    const evpn = { 'tsoverlay.control': 'evpn' };
    assert.deepEqual(parseOverlayOptions({ ...evpn, 'tsoverlay.peers': '192.0.2.0/24,198.51.100.7,2001:db8::1' }).peers, ['192.0.2.0/24', '198.51.100.7/32', '2001:db8::1/128']);
    assert.deepEqual(parseOverlayOptions(evpn).peers, []);
    for (const value of ['', 'x', '192.0.2.1/24', '192.0.2.0/24,', '0.0.0.0/0']) refuses(() => parseOverlayOptions({ ...evpn, 'tsoverlay.peers': value }), 'INVALID', /tsoverlay\.peers/);
    for (const [key, value] of [['peers', '192.0.2.0/24'], ['local', '192.0.2.1']] as const) refuses(() => parseOverlayOptions({ [`tsoverlay.${key}`]: value }), 'INVALID', /add -o tsoverlay\.control=evpn/);
    refuses(() => parseOverlayOptions({ 'tsoverlay.control': 'ospf' }), 'INVALID', /one of cluster, evpn/);
  });
});

describe('an overlay network of a host that is in no cluster', () => {
  const spec = (options: Readonly<Record<string, string>>): Omit<NetworkSpec, 'settled'> => ({ id: 'ab'.repeat(32), name: 'blue', internal: false, ipv4: [], ipv6: [], options });
  const eth0 = { name: 'eth0', kind: undefined, mtu: 1500, up: true, addresses: ['192.0.2.1/24', '2001:db8::1/64'], users: [] };
  const lo = { ...eth0, name: 'lo', mtu: 65536, addresses: ['10.9.9.9/32'] };
  const host: HostView = { links: [lo, eth0], uplinkMtu: 1500, uplinkAddress: '192.0.2.1', networks: [{ name: 'red', settled: { vni: '7' } }], kinds: new Set(['vxlan']) };
  const settle = (options: Readonly<Record<string, string>>, view = host): Readonly<Record<string, string>> => overlayDriver().settle(spec(options), view);
  const ALONE = { 'tsoverlay.control': 'evpn', 'tsoverlay.vni': '77', 'tsoverlay.peers': '192.0.2.0/24' };

  it('has its uplink’s address among the others, or another one of the host', () => {
    assert.deepEqual(settle(ALONE), { vni: '77', local: '192.0.2.1', mtu: '1450' });
    assert.deepEqual(settle({ ...ALONE, 'tsoverlay.local': '10.9.9.9' }), { vni: '77', local: '10.9.9.9', mtu: '1450' });
    assert.deepEqual(settle({ ...ALONE, 'tsoverlay.local': '2001:db8::1' }), { vni: '77', local: '2001:db8::1', mtu: '1430' });
  });

  it('is refused where nobody could be reached', () => {
    refuses(() => settle({}), 'UNSUPPORTED', /--cluster etcd.*tsoverlay\.control=evpn/);
    refuses(() => settle({ ...ALONE, 'tsoverlay.vni': '7' }), 'EXISTS', /VNI 7 is that of network 'red'/);
    refuses(() => settle({ 'tsoverlay.vni': '7' }, { ...host, cluster: { mtu: 1450, vni: 5 } }), 'EXISTS', /VNI 7 is that of network 'red': choose another, or none to get a free one/);
    refuses(() => settle({ ...ALONE, 'tsoverlay.local': '10.0.0.1' }), 'INVALID', /on no interface of this host, which has 10\.9\.9\.9, 192\.0\.2\.1/);
    const { 'tsoverlay.vni': _vni, ...withoutVni } = ALONE;
    refuses(() => settle(withoutVni), 'INVALID', /-o tsoverlay\.vni=NUMBER/);
    const { 'tsoverlay.peers': _peers, ...withoutPeers } = ALONE;
    refuses(() => settle(withoutPeers), 'INVALID', /-o tsoverlay\.peers=CIDR/);
    refuses(() => settle({ ...ALONE, 'tsoverlay.local': '192.0.2.1' }, { ...host, cluster: { mtu: 1450, vni: 5 } }), 'INVALID', /--advertise/);
    const { uplinkAddress: _address, ...lost } = host;
    refuses(() => settle(ALONE, lost), 'INVALID', /-o tsoverlay\.local=ADDRESS/);
  });
});
