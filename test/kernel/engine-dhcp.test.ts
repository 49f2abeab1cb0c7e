import assert from 'node:assert/strict';
import type { Background } from '../support/background.ts';
import { startDhcpd } from '../support/dhcpd.ts';
import { PrivateHost } from '../support/host.ts';
import { Netctl } from '../support/netctl.ts';

const NETWORK = 'ab'.repeat(32);
const ENDPOINT = 'e1'.repeat(32);
const LAN = { base: '198.51.100.0', router: '198.51.100.1' };

describe("a container's address by -o tsmacvlan.ipam=dhcp, when the LAN takes it back", () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let daemon: Background;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    daemon = await netctl.daemon();
  });

  after(() => host[Symbol.asyncDispose]());

  async function call(method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await host.sh(`curl -s --unix-socket /run/docker/plugins/tsmacvlan.sock -d '${JSON.stringify(body)}' http://x/NetworkDriver.${method}`)) as Record<string, unknown>;
  }

  it('stays in the container, and no other one is taken in its place', async () => {
    const dhcpd = await startDhcpd(host.outside, 'lan0', { ...LAN, first: '198.51.100.120', last: '198.51.100.129' }, 4);
    await call('CreateNetwork', { NetworkID: NETWORK, Options: { 'com.docker.network.generic': { parent: 'eth0', 'tsmacvlan.ipam': 'dhcp' } }, IPv4Data: [{ Pool: '0.0.0.0/0' }], IPv6Data: [] });
    const { Interface } = (await call('CreateEndpoint', { NetworkID: NETWORK, EndpointID: ENDPOINT, Interface: { Address: '', AddressIPv6: '', MacAddress: '' }, Options: {} })) as { Interface?: { Address: string } };
    const address = (Interface?.Address ?? '').split('/')[0] ?? '';
    assert.match(address, /^198\.51\.100\.12\d$/);
    await dhcpd.kill('SIGKILL');
    await daemon.waitFor(/address lost .*reason=expired/);
    const other = await startDhcpd(host.outside, 'lan0', { ...LAN, first: '198.51.100.140', last: '198.51.100.149' }, 4);
    await other.waitFor(/DHCPOFFER on 198\.51\.100\.14\d /);
    assert.match(await netctl.ok('network', 'inspect', NETWORK), new RegExp(`"ipv4": "${address}/24"`));
    assert.doesNotMatch(other.output, /DHCPACK/);
    await other.kill('SIGKILL');
    await using again = await startDhcpd(host.outside, 'lan0', { ...LAN, first: '198.51.100.120', last: '198.51.100.129' }, 4);
    await again.waitFor(new RegExp(`DHCPACK on ${address} `));
    await call('DeleteEndpoint', { NetworkID: NETWORK, EndpointID: ENDPOINT });
    await again.waitFor(new RegExp(`DHCPRELEASE of ${address} `));
  });
});
