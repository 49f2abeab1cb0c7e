import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { Frr, needFrr } from '../support/frr.ts';
import { PrivateHost } from '../support/host.ts';
import { Netctl } from '../support/netctl.ts';
import { MultiHostLab, type LabHost } from '../support/multi-host.ts';

describe('an overlay network whose entries come from BGP EVPN', function () {
  let lab: MultiHostLab;
  let one: LabHost;
  let two: LabHost;
  /** No host of the cluster: bridge, VXLAN and FRR by hand, as a router of somebody else. */
  let router: PrivateHost;
  let routing: AsyncDisposableStack;

  before(async function () {
    needFrr(this);
    lab = await MultiHostLab.start(this, 2);
    [one, two] = [lab.host(1), lab.host(2)];
    router = await PrivateHost.start({ name: 'router', lans: [lab.lan] });
    await router.sh(`ip link add br77 type bridge; ip link add vx77 type vxlan id 77 dstport 4789 local ${router.address4} nolearning; ip link set vx77 master br77; bridge link set dev vx77 learning off; ip link set br77 up; ip link set vx77 up; ip address add 10.1.0.200/24 dev br77`);
    routing = new AsyncDisposableStack();
    const all = [one.host, two.host, router];
    await Promise.all(all.map(async (host) => routing.use(await Frr.start(host, all.filter((other) => other !== host).map(({ address4 }) => address4)))));
  });

  after(async () => {
    await routing?.disposeAsync();
    await router?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    for (const { netctl } of [one, two]) {
      const names = (await netctl.json<{ name: string }[]>('sandbox', 'ls')).map(({ name }) => name);
      if (names.length > 0) await netctl.ok('sandbox', 'rm', ...names);
    }
    await one.netctl.ok('network', 'rm', 'blue');
    for (const { host } of [one, two]) assert.equal(await eventually(() => host.sh('ip -br link show type vxlan'), (links) => links === ''), '');
  });

  const pings = async ({ host }: Pick<LabHost, 'host'>, from: string, address: string): Promise<boolean> => (await host.netns(from).exec(['ping', '-c1', '-W1', address], { allowFail: true })).code === 0;
  const make = async ({ netctl }: LabHost, name: string): Promise<string> => {
    await netctl.ok('sandbox', 'create', '--network', 'blue', name);
    return (await netctl.json<{ endpoints: { ipv4: string }[] }[]>('sandbox', 'inspect', name))[0]?.endpoints[0]?.ipv4.split('/')[0] ?? '';
  };
  const entries = ({ host }: LabHost): Promise<string> => host.sh('bridge fdb show | grep "dst " || true');

  it('reaches other hosts and a router that is none of them, with addresses and names of the cluster', async () => {
    const options = ['-o', 'tsoverlay.vni=77', '-o', 'tsoverlay.control=evpn'];
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', ...options, '-o', `tsoverlay.peers=${router.address4},192.0.2.0/24`, 'blue');
    await eventually(() => two.netctl.ok('network', 'ls'), (list) => list.includes('blue'));
    const a = await make(one, 'a');
    const b = await make(two, 'b');
    assert.notEqual(a, b);
    assert.equal(await eventually(() => pings(one, 'a', b), Boolean), true);
    assert.equal(await eventually(() => pings(two, 'b', '10.1.0.200'), Boolean), true);
    assert.match(await one.netctl.ok('exec', 'a', 'ping', '-c1', '-W2', 'b'), / 0% packet loss/);
    assert.match(await eventually(() => entries(one), (text) => text.includes(`dst ${two.host.address4}`)), new RegExp(`dst ${two.host.address4}`));
    // What FRR put there stays when the daemon starts again, and traffic with it.
    const before = await entries(one);
    await lab.restartDaemon(one);
    await eventually(() => one.netctl.ok('doctor'), (text) => !text.includes('missing'));
    assert.equal(await entries(one), before);
    assert.equal(await pings(one, 'a', b), true);
    assert.equal(await pings(one, 'a', '10.1.0.200'), true);
    await two.netctl.ok('sandbox', 'rm', 'b');
    assert.equal(await pings(one, 'a', b), false);
  });

  it('lets nobody send that was not named', async () => {
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', '-o', 'tsoverlay.vni=77', '-o', 'tsoverlay.control=evpn', 'blue');
    await eventually(() => two.netctl.ok('network', 'ls'), (list) => list.includes('blue'));
    await make(one, 'a');
    const b = await make(two, 'b');
    assert.equal(await eventually(() => pings(one, 'a', b), Boolean), true);
    assert.match(await eventually(() => entries(one), (text) => text.includes(`dst ${router.address4}`)), new RegExp(`dst ${router.address4}`));
    assert.equal(await pings(one, 'a', '10.1.0.200'), false);
  });

  it('is had by a host of no cluster too', async () => {
    await router.sh('ip link del vx77; ip link del br77');
    const alone = new Netctl(router);
    await using _daemon = await alone.daemon();
    const options = ['-o', 'tsoverlay.vni=77', '-o', 'tsoverlay.control=evpn'];
    assert.match((await alone.run(['network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', ...options, 'blue'])).stderr, /-o tsoverlay\.peers=CIDR/);
    await alone.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', '--ip-range', '10.1.0.128/25', ...options, '-o', 'tsoverlay.peers=198.51.100.0/24', 'blue');
    await alone.ok('sandbox', 'create', '--network', 'blue', 'c');
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', ...options, '-o', `tsoverlay.peers=${router.address4}`, 'blue');
    const a = await make(one, 'a');
    assert.equal(await eventually(() => pings({ host: router }, 'c', a), Boolean), true);
    assert.equal(await pings(one, 'a', '10.1.0.128'), true);
    await alone.ok('sandbox', 'rm', 'c');
    await alone.ok('network', 'rm', 'blue');
    assert.equal(await router.sh('ip -br link show type vxlan'), '');
  });
});
