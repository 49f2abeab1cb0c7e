import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { Lan } from '../support/lan.ts';
import { RemoteController } from '../support/remote-controller.ts';

/** A host between two LANs, each of which would use it as its router if it let them. */
describe('forwarding', () => {
  let lans: [Lan, Lan];
  let host: PrivateHost;
  let remote: RemoteController;

  before(async () => {
    lans = [await Lan.start(0), await Lan.start(1)];
    host = await PrivateHost.start({ lans });
    const [near, far] = host.addresses;
    await lans[0].sh(`ip route add 192.0.2.0/24 via ${near?.address4}; ip -6 route add 2001:db8:101::/64 via ${near?.address6}`);
    await lans[1].sh(`ip route add 198.51.100.0/24 via ${far?.address4}; ip -6 route add 2001:db8:100::/64 via ${far?.address6}`);
    remote = await RemoteController.start(host);
  });

  after(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    for (const lan of lans) await lan[Symbol.asyncDispose]();
  });

  /** Which families get from one LAN to the other through the host. */
  async function routed(): Promise<{ ipv4: boolean; ipv6: boolean }> {
    await using server = await lans[1].serve(0, 'tcp', 'far');
    const [ipv4, ipv6] = await Promise.all([lans[0].canReach('192.0.2.1', server.port, { timeoutMs: 400 }), lans[0].canReach('2001:db8:101::1', server.port, { timeoutMs: 400 })]);
    return { ipv4, ipv6 };
  }

  async function reaches(): Promise<{ ipv4: boolean; ipv6: boolean }> {
    await using server = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(server.port, 80);
    const [ipv4, ipv6] = await Promise.all([lans[0].canReach(host.address4, 8080), lans[0].canReach(host.address6, 8080)]);
    return { ipv4, ipv6 };
  }

  const switches = (): Promise<string> =>
    host.sh('cd /proc/sys/net; grep . ipv4/ip_forward ipv4/conf/eth[01]/forwarding ipv6/conf/all/forwarding ipv6/conf/eth[01]/accept_ra');

  const NONE = { ipv4: false, ipv6: false };
  const BOTH = { ipv4: true, ipv6: true };

  it('does not make the host a router, and ends with the last network', async () => {
    const before = await switches();
    assert.deepEqual(await routed(), NONE);
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
    assert.deepEqual(await reaches(), BOTH);
    assert.deepEqual(await routed(), NONE);
    assert.match(await switches(), /^ipv4\/ip_forward:0$/m);
    assert.match(await switches(), /^ipv6\/conf\/eth0\/accept_ra:2$/m);
    await remote.controller.removeSandbox('web');
    await remote.controller.removeNetwork('blue');
    assert.equal(await switches(), before);
  });

  it('is not in the way of a host that routes already', async () => {
    await host.sh('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
    const before = await switches();
    assert.deepEqual(await routed(), BOTH);
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    assert.deepEqual(await routed(), BOTH);
    await remote.controller.removeNetwork('blue');
    assert.equal(await switches(), before);
    await host.sh('sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0');
  });

  it('gives way when somebody makes the host a router while our networks are there', async () => {
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    assert.equal((await routed()).ipv4, false);
    await host.sh('sysctl -qw net.ipv4.ip_forward=1');
    const deadline = Date.now() + 5000;
    while (!(await routed()).ipv4) assert.ok(Date.now() < deadline, 'the guard still stands');
    await remote.controller.removeNetwork('blue');
    assert.equal((await routed()).ipv4, true);
    await host.sh('sysctl -qw net.ipv4.ip_forward=0');
  });

  it('reaches an interface that comes later', async () => {
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    await host.sh('ip link add late type veth peer name late1; ip link set late up; ip link set late1 up');
    const deadline = Date.now() + 5000;
    while ((await host.sh('cat /proc/sys/net/ipv4/conf/late/forwarding')) !== '1') assert.ok(Date.now() < deadline, 'it never forwards');
    await remote.controller.removeNetwork('blue');
    assert.equal(await host.sh('cat /proc/sys/net/ipv4/conf/late/forwarding'), '0');
    await host.sh('ip link del late');
  });
});
