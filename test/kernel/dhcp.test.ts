import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Background } from '../support/background.ts';
import type { ServerManner } from '../support/dhcp-server.ts';
import { startDhcpd } from '../support/dhcpd.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';

const RANGE = '198.51.100.100,198.51.100.109,255.255.255.0';
const SERVER = fileURLToPath(new URL('../support/dhcp-server.ts', import.meta.url));

describe('addresses by DHCP', () => {
  let host: PrivateHost;
  let remote: RemoteController;

  beforeEach(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
  });

  afterEach(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const inside = (script: string, name = 'web'): Promise<string> => host.sh(`ip netns exec ${name} sh -c '${script}'`);
  const address = (name = 'web'): Promise<string> => inside('ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4', name);
  const lan = (): Promise<unknown> => remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', ipam: 'dhcp', ipamOptions: { timeout: '3' }, options: { parent: 'eth0' } });
  const web = (ipv4?: string): Promise<unknown> => remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ...(ipv4 === undefined ? {} : { ipv4 }) }] });

  /** A server of ours on the LAN, and what it is told. */
  async function server(): Promise<{ readonly process: Background; readonly tell: (manner: ServerManner) => void } & AsyncDisposable> {
    const process = await host.outside.spawn([globalThis.process.execPath, SERVER, '198.51.100.1', '198.51.100.255']);
    await process.waitFor(/ready/);
    return { process, tell: (manner) => process.write(`${JSON.stringify(manner)}\n`), [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  }

  it('come from the dnsmasq of the LAN, with route, MTU, name servers and search domains, and go back to it', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE, '--dhcp-option=6,198.51.100.1', '--dhcp-option=26,1400', '--domain=lab.example', '--dhcp-option=option:domain-search,lab.example,west.example');
    await lan();
    const { endpoints: [endpoint] } = await remote.controller.createSandbox({ name: 'web', hostname: 'web.example', networks: [{ network: 'lan' }] });
    const found = await address();
    assert.match(found, /^198\.51\.100\.10\d\/24$/);
    assert.equal(endpoint?.ipv4, found);
    assert.equal(await inside('ip -4 route show default'), 'default via 198.51.100.1 dev eth0 ');
    assert.equal(await inside('cat /sys/class/net/eth0/mtu'), '1400');
    assert.match(await inside('ping -c 1 -W 2 203.0.113.7'), / 0% packet loss/);
    const [lease] = await dnsmasq.leases();
    assert.deepEqual([lease?.address, lease?.hostname, lease?.clientId.slice(0, 2)], [found.split('/')[0], 'web', 'ff']);
    assert.match(await host.sh('cat /etc/netns/web/resolv.conf'), /^search lab\.example west\.example$/m);
    await remote.controller.removeSandbox('web');
    assert.deepEqual(await eventually(() => dnsmasq.leases(), (leases) => leases.length === 0), []);
  });

  it('come to a bridge that has an uplink to the LAN', async () => {
    await host.sh('ip link add br0 type bridge && ip link set br0 up && ip link set eth0 master br0 && ip addr flush dev eth0 && ip addr add 198.51.100.10/24 dev br0');
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE);
    await remote.controller.createNetwork({ name: 'lan', ipam: 'dhcp', options: { 'com.docker.network.bridge.name': 'br0' } });
    await web();
    assert.match(await address(), /^198\.51\.100\.10\d\/24$/);
    assert.match(await inside('ping -c 1 -W 2 203.0.113.7'), / 0% packet loss/);
    await remote.controller.disconnect('web', 'lan');
    assert.deepEqual(await eventually(() => dnsmasq.leases(), (leases) => leases.length === 0), []);
    await remote.controller.removeNetwork('lan');
  });

  it('are renewed at half their time, and asked for again after kill -9', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE, '--dhcp-option=option:T1,10', '--dhcp-option=option:T2,100');
    await lan();
    await web();
    const found = await address();
    await remote.event(({ type, action }) => type === 'address' && action === 'renewed', 15_000);
    assert.match(dnsmasq.process.output, /DHCPREQUEST\(lan0\) 198\.51\.100\.10\d [\s\S]*DHCPREQUEST\(lan0\)/);
    await remote.kill9();
    await host.sh('ip netns exec web ip addr flush dev eth0');
    remote = await RemoteController.start(host);
    assert.equal(await address(), found);
    await remote.event(({ type, action, attributes }) => type === 'address' && action === 'renewed' && attributes['address'] === found);
    assert.equal(await address(), found);
    assert.equal((await dnsmasq.leases()).length, 1);
  });

  it('come from an ISC server for six seconds, again and again, end when it is gone, and come back with it', async () => {
    const subnet = { base: '198.51.100.0', first: '198.51.100.100', last: '198.51.100.109', router: '198.51.100.1' };
    const dhcpd = await startDhcpd(host.outside, 'lan0', subnet, 6);
    await lan();
    await web();
    const found = await address();
    const acknowledged = (): number => dhcpd.output.split(`DHCPACK on ${found.split('/')[0] ?? ''} to `).length - 1;
    assert.equal(await eventually(async () => acknowledged() >= 3, Boolean), true, dhcpd.output);
    assert.match(dhcpd.output, /DHCPACK on [\d.]+ to [0-9a-f:]+ \(web\) via lan0/);
    await dhcpd.kill('SIGKILL');
    await remote.event(({ type, action, attributes }) => type === 'address' && action === 'lost' && attributes['reason'] === 'expired', 8000);
    assert.equal(await address(), '');
    await using again = await startDhcpd(host.outside, 'lan0', subnet, 6);
    assert.equal(await eventually(address, (now) => now !== ''), found);
    await remote.controller.removeSandbox('web');
    assert.equal(await eventually(async () => again.output.includes(`DHCPRELEASE of ${found.split('/')[0] ?? ''} `), Boolean), true, again.output);
  });

  it('are those that were asked for, or none', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE);
    await lan();
    await web('198.51.100.107');
    assert.equal(await address(), '198.51.100.107/24');
    await assert.rejects(remote.controller.createSandbox({ name: 'other', networks: [{ network: 'lan', ipv4: '198.51.100.107' }] }), {
      code: 'EXISTS',
      message: /^address 198\.51\.100\.107 is not given: DHCP server 198\.51\.100\.1 offers 198\.51\.100\.10\d instead/,
    });
    assert.deepEqual((await remote.controller.sandboxes()).map(({ name }) => name), ['web']);
    assert.equal((await dnsmasq.leases()).length, 1);
  });

  it('go when their time is over or the server says no, and come back', async () => {
    await using unkind = await server();
    unkind.tell({ address: '198.51.100.90', lease: 3 });
    await lan();
    await web();
    assert.equal(await address(), '198.51.100.90/24');
    unkind.tell({ address: '198.51.100.90', lease: 3, silent: true });
    const lost = await remote.event(({ type, action }) => type === 'address' && action === 'lost');
    assert.deepEqual([lost.attributes['reason'], lost.attributes['address'], await address()], ['expired', '198.51.100.90/24', '']);
    assert.match(unkind.process.output, /REQUEST 198\.51\.100\.90 \nREQUEST 198\.51\.100\.90 /, 'renewing, then rebinding');
    unkind.tell({ address: '198.51.100.91', lease: 4 });
    await remote.event(({ type, action, attributes }) => type === 'address' && action === 'leased' && attributes['address'] === '198.51.100.91/24', 15_000);
    assert.equal(await address(), '198.51.100.91/24');
    unkind.tell({ address: '198.51.100.92', lease: 60, refuses: true });
    await remote.event(({ type, action, attributes }) => type === 'address' && action === 'lost' && attributes['reason'] === 'refused');
    unkind.tell({ address: '198.51.100.92', lease: 60 });
    await remote.event(({ type, action, attributes }) => type === 'address' && action === 'leased' && attributes['address'] === '198.51.100.92/24', 15_000);
    assert.equal(await address(), '198.51.100.92/24');
    await remote.controller.removeSandbox('web');
    await unkind.process.waitFor(/RELEASE 198\.51\.100\.92/);
  });

  it('that nobody gives are not waited for without end, and nothing is left', async () => {
    await using silent = await server();
    await lan();
    await assert.rejects(web(), { code: 'UNAVAILABLE', message: "no address for eth0 on network 'lan': waited 3 s for an offer of a DHCP server; is there one on that LAN, and does it know this network?" });
    await remote.controller.createSandbox({ name: 'plain' });
    await assert.rejects(remote.controller.connect('plain', { network: 'lan' }), { code: 'UNAVAILABLE' });
    assert.deepEqual((await remote.controller.sandboxes()).map(({ name, endpoints }) => [name, endpoints.length]), [['plain', 0]]);
    const left = await eventually(() => host.sh('ip -n plain -br link; ip netns ls'), (text) => !text.includes('eth0') && !text.includes('web'));
    assert.doesNotMatch(left, /eth0|web/);
    assert.match(silent.process.output, /(DISCOVER 0\.0\.0\.0 \n){2}/);
    await remote.controller.removeNetwork('lan');
  });

  it('that somebody has already are declined, where that is asked for', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', '198.51.100.100,198.51.100.101,255.255.255.0');
    await remote.controller.createNetwork({ name: 'fixed', driver: 'macvlan', subnets: ['198.51.100.0/24'], options: { parent: 'eth0' } });
    await remote.controller.createSandbox({ name: 'squatter', networks: [{ network: 'fixed', ipv4: '198.51.100.100' }] });
    await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', ipam: 'dhcp', ipamOptions: { timeout: '6' }, options: { parent: 'eth0', 'tsmacvlan.dad': 'true' } });
    // One of the two is offered the squatter's.
    await web();
    await remote.controller.createSandbox({ name: 'other', networks: [{ network: 'lan' }] }).catch(() => undefined);
    assert.equal(await address(), '198.51.100.101/24');
    assert.match(dnsmasq.process.output, /DHCPDECLINE\(lan0\) 198\.51\.100\.100 /);
  });

  it('are taken once, whatever the server says, and not the host\'s', async () => {
    await using unkind = await server();
    await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', ipam: 'dhcp', ipamOptions: { timeout: '3' }, options: { parent: 'eth0', 'tsmacvlan.host_access': 'true' } });
    unkind.tell({ address: '198.51.100.90', lease: 60 });
    await web();
    const second = (): Promise<unknown> => remote.controller.createSandbox({ name: 'second', networks: [{ network: 'lan' }] });
    const lead = "no address for eth0 on network 'lan': waited 3 s for an offer of a DHCP server; DHCP server 198.51.100.1";
    await assert.rejects(second(), { code: 'UNAVAILABLE', message: `${lead} gives 198.51.100.90, which web on network 'lan' has already` });
    await unkind.process.waitFor(/DECLINE 0\.0\.0\.0 198\.51\.100\.90/);
    assert.match(await host.sh('ip route show proto 78'), /^198\.51\.100\.90 dev ha-/);
    unkind.tell({ address: host.address4, lease: 60 });
    await assert.rejects(second(), { code: 'UNAVAILABLE', message: `${lead} gives ${host.address4}, which the host has already` });
    unkind.tell({ address: '198.51.100.91', lease: 60, refuses: true });
    await assert.rejects(second(), { code: 'UNAVAILABLE', message: `${lead} refused 198.51.100.91` });
    unkind.tell({ address: '198.51.100.91', lease: 60 });
    await second();
    assert.equal(await address('second'), '198.51.100.91/24');
    unkind.tell({ address: '203.0.113.7', lease: 60 });
    await remote.controller.createSandbox({ name: 'far', networks: [{ network: 'lan' }] });
    assert.equal(await host.sh('ip route show proto 78 | cut -d" " -f1'), '198.51.100.90\n198.51.100.91');
  });

  it('come with routes, but not with those that would lead away what is on a link of the sandbox', async () => {
    const routes = ['10.9.0.0/24', '10.9.0.128/25', '10.8.0.0/24', '198.51.100.0/24', '0.0.0.0/0'].map((to) => `${to},198.51.100.1`).concat('10.7.0.0/24,10.9.0.1');
    await using _dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE, `--dhcp-option=121,${routes.join(',')}`);
    await lan();
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }, { network: 'lan' }] });
    const found = (await inside('ip -4 route | sed "s/ proto.*//"')).split('\n').map((line) => line.trim());
    assert.deepEqual(found, ['default via 10.9.0.1 dev eth0', '10.8.0.0/24 via 198.51.100.1 dev eth1', '10.9.0.0/24 dev eth0', '198.51.100.0/24 dev eth1']);
    await remote.controller.disconnect('web', 'blue');
    assert.match(await inside('ip -4 route'), /^10\.9\.0\.0\/24 via 198\.51\.100\.1 /m);
  });

  it('are made by each endpoint itself where routers tell of a prefix (SLAAC)', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE, '--enable-ra', '--dhcp-range=2001:db8:100::,ra-only,64,2m', '--ra-param=lan0,1,120');
    await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', ipam: 'dhcp', ipv6: true, options: { parent: 'eth0' } });
    await web();
    assert.match(await address(), /^198\.51\.100\.10\d\/24$/);
    const made = /inet6 2001:db8:100:[0-9a-f:]+\/64 (?!.*tentative)[^]*default via fe80/;
    assert.match(await eventually(() => inside('ip -6 -o addr show eth0 scope global; ip -6 route show default'), (text) => made.test(text)), made);
    assert.match(await inside('ping -6 -c 1 -W 3 2001:db8:200::7'), / 0% packet loss/);
    assert.equal((await dnsmasq.leases()).length, 1);
  });

  it('come from a DHCPv6 server too, and go back to it', async () => {
    await using dnsmasq = await startDnsmasq(host.outside, 'lan0', RANGE, '--enable-ra', '--dhcp-range=2001:db8:100::1000,2001:db8:100::1fff,64,2m', '--ra-param=lan0,1,120');
    await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', ipam: 'dhcp', ipv6: true, options: { parent: 'eth0' } });
    await web();
    const { attributes } = await remote.event(({ type, action, attributes: { address: text = '' } }) => type === 'address' && action === 'leased' && text.includes(':'), 15_000);
    const given = attributes['address'] ?? '';
    assert.match(given, /^2001:db8:100::1[0-9a-f]{3}\/128$/);
    assert.match(await inside('ip -6 addr show eth0'), new RegExp(`inet6 ${given} scope global`));
    assert.equal((await remote.controller.sandbox('web')).endpoints[0]?.ipv6, given);
    const before = (await dnsmasq.leases()).find((lease) => lease.address.includes(':'));
    assert.deepEqual([`${before?.address ?? ''}/128`, before?.hostname, before?.clientId.slice(0, 5)], [given, 'web', '00:04']);
    assert.match(await eventually(() => inside('ping -6 -c 1 -W 1 2001:db8:200::7 || true'), (text) => text.includes(' 0% packet loss')), / 0% packet loss/);
    await remote.kill9();
    remote = await RemoteController.start(host);
    await remote.event(({ type, action, attributes: { address: text } }) => type === 'address' && action === 'renewed' && text === given, 10_000);
    await remote.controller.removeSandbox('web');
    assert.deepEqual(await eventually(async () => (await dnsmasq.leases()).filter((lease) => lease.address.includes('.') || lease.address.includes(':')), (leases) => leases.length === 0), []);
  });

  it('are refused where they cannot be had', async () => {
    for (const [request, message] of [
      [{ driver: 'macvlan', subnets: ['10.9.0.0/24'], options: { parent: 'eth0' } }, /'10\.9\.0\.0\/24' cannot be given with DHCP/],
      [{ driver: 'macvlan' }, /-o parent=LINK/],
      [{}, /com\.docker\.network\.bridge\.name=BRIDGE/],
      [{ driver: 'macvlan', ipamOptions: { timeout: '0' }, options: { parent: 'eth0' } }, /timeout='0': must be seconds, 1 to 600/],
      [{ driver: 'macvlan', ipamOptions: { colour: 'red' }, options: { parent: 'eth0' } }, /unknown option 'colour'/],
    ] as const) {
      await assert.rejects(remote.controller.createNetwork({ name: 'lan', ipam: 'dhcp', ...request }), { code: 'INVALID', message });
    }
  });
});
