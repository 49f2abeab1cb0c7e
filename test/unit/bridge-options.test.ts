import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { bridgeDriver } from '../../drivers/bridge/bridge-driver.ts';
import { BRIDGE_OPTION_TABLE, parseBridgeOptions } from '../../drivers/bridge/options.ts';
import { parseEndpointOptions } from '../../drivers/endpoint-options.ts';
import { refuses } from '../support/refusal.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const BRIDGE = 'com.docker.network.bridge.';

describe('options of a bridge network', () => {
  it('stand in the README as they are', () => {
    for (const { key, default: fallback, meaning } of BRIDGE_OPTION_TABLE) {
      const row = `| ${key} | ${fallback} | ${meaning.replaceAll('|', '\\|')} |`;
      assert.ok(README.includes(row), `the README lacks the row\n${row}`);
    }
  });

  it('have the defaults of the built-in bridge', () => {
    const { masquerade, icc, inhibitIpv4, gatewayModeIpv4, gatewayModeIpv6, interfacePrefix, mtu } = parseBridgeOptions({});
    assert.deepEqual({ masquerade, icc, inhibitIpv4, gatewayModeIpv4, gatewayModeIpv6, interfacePrefix, mtu }, { masquerade: true, icc: true, inhibitIpv4: false, gatewayModeIpv4: 'nat', gatewayModeIpv6: 'nat', interfacePrefix: 'eth', mtu: undefined });
  });

  it('are refused by name, with what they may be', () => {
    refuses(() => parseBridgeOptions({ [`${BRIDGE}enable_icc`]: 'maybe' }), 'INVALID', /enable_icc='maybe': must be true or false/);
    refuses(() => parseBridgeOptions({ 'com.docker.network.driver.mtu': '-1' }), 'INVALID', /from 68 to 65535/);
    refuses(() => parseBridgeOptions({ [`${BRIDGE}gateway_mode_ipv4`]: 'bridge' }), 'INVALID', /one of nat, nat-unprotected, routed, isolated/);
    refuses(() => parseBridgeOptions({ [`${BRIDGE}name`]: 'x; flush ruleset' }), 'INVALID', /bridge name/);
    refuses(() => parseBridgeOptions({ mtu: '1400' }), 'INVALID', /did you mean com\.docker\.network\.driver\.mtu\?/);
    refuses(() => parseBridgeOptions({ icc: 'false' }), 'INVALID', /did you mean com\.docker\.network\.bridge\.enable_icc\?/);
    refuses(() => parseBridgeOptions({ 'com.docker.network.host_ipv4': 'fd00::1' }), 'INVALID', /must be an IPv4 address/);
    refuses(() => parseBridgeOptions({ [`${BRIDGE}host_binding_ipv4`]: '10.0.0' }), 'INVALID', /host_binding_ipv4='10\.0\.0': must be an IPv4 or IPv6 address/);
  });

  it("of Docker's that the driver does not know are ignored with a warning", () => {
    const warnings: string[] = [];
    parseBridgeOptions({ 'com.docker.network.something.else': '1' }, (text) => warnings.push(text));
    assert.deepEqual(warnings, ["option 'com.docker.network.something.else' is not one of the bridge driver; ignored"]);
  });

  it('are refused where the network cannot have them', () => {
    const spec = { id: 'ab'.repeat(32), name: 'blue', internal: false, ipv4: [{ subnet: '10.0.0.0/24', auxiliary: {} }], ipv6: [], options: { [`${BRIDGE}gateway_mode_ipv4`]: 'isolated' } };
    const host = { links: [{ name: 'eth0', kind: undefined, mtu: 1500, up: true, addresses: [], users: [] }], uplinkMtu: 1400, networks: [], kinds: new Set<string>() };
    refuses(() => bridgeDriver().settle(spec, host), 'INVALID', /add --internal/);
    refuses(() => bridgeDriver().settle({ ...spec, options: { [`${BRIDGE}name`]: 'eth0' } }, host), 'EXISTS', /'eth0' is a physical interface/);
    assert.equal(bridgeDriver().settle({ ...spec, options: {} }, host)['mtu'], '1400');
  });
});

describe('options of an endpoint', () => {
  it('are sysctls of its own interface and its name', () => {
    const { sysctls, interfaceName } = parseEndpointOptions({ 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2', 'com.docker.network.endpoint.ifname': 'lan0' });
    assert.equal(interfaceName, 'lan0');
    assert.deepEqual(sysctls.map(({ key, value }) => `${key}=${value}`), ['net/ipv4/conf/IFNAME/log_martians=1', 'net/ipv6/conf/IFNAME/accept_ra=2']);
  });

  it('reach nothing outside of that interface', () => {
    for (const text of ['net.ipv4.ip_forward=1', 'kernel.panic=1', 'net.ipv4.conf.IFNAME/../all.forwarding=1', 'net.ipv4.conf.eth0.forwarding=1']) {
      refuses(() => parseEndpointOptions({ 'com.docker.network.endpoint.sysctls': text }), 'INVALID', /IFNAME/);
    }
    refuses(() => parseEndpointOptions({ other: '1' }), 'INVALID', /unknown endpoint option 'other'/);
  });
});
