import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/common/error.ts';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import type { Place } from '../support/place.ts';
import { rejects } from '../support/refusal.ts';
import { RemoteController } from '../support/remote-controller.ts';

const LAN = '198.51.100.1';
const LAN6 = '2001:db8:100::1';
const KERNEL = ['links', 'namespaces', 'routes', 'rules', 'mounts', 'sysctls', 'nftables', 'sockets'];

/** The LAN of the host's eth0, with its router, which is .1, and a part of it for us. */
const onLan = (name: string, options: Record<string, string> = {}): NetworkRequest => ({
  name,
  driver: 'macvlan',
  subnets: ['198.51.100.0/24', '2001:db8:100::/64'],
  ranges: ['198.51.100.128/25'],
  gateways: [LAN, LAN6],
  options: { parent: 'eth0', ...options },
});

/** Waits until an assertion holds; its own words when it does not. */
async function holds(assertion: () => Promise<void>, limitMs?: number): Promise<void> {
  const failure = await eventually(() => assertion().then(() => undefined, (error: unknown) => error), (error) => error === undefined, limitMs);
  if (failure !== undefined) throw failure;
}

async function pings(from: Place, address: string): Promise<boolean> {
  return (await from.exec(['ping', '-c1', '-W1', address], { allowFail: true })).code === 0;
}

describe('macvlan', () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    clean = await host.snapshot();
    remote = await RemoteController.start(host);
  });

  after(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    remote = await remote.cleared(host);
    await host.sh('ip netns del theirs 2>/dev/null || :');
    assert.deepEqual(difference(clean, await host.snapshot(), KERNEL), []);
  });

  /** MAC and addresses of a sandbox's interface, and the number of the link. */
  async function inside(sandbox: string): Promise<{ readonly index: number; readonly what: readonly string[] }> {
    const [link] = JSON.parse(await host.sh(`ip -n ${sandbox} -j addr show dev eth0`)) as [{ ifindex: number; address: string; operstate: string; addr_info: { local: string; scope: string }[] }];
    return { index: link.ifindex, what: [link.address, ...link.addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local).toSorted()] };
  }

  it('puts sandboxes straight on the LAN, both ways and both families, and by its router on the internet', async () => {
    await remote.controller.createNetwork(onLan('lan'));
    const web = await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
    const [ipv4, ipv6] = [String(web.endpoints[0]?.ipv4), String(web.endpoints[0]?.ipv6)];
    const place = host.netns('web');
    assert.equal(ipv4, '198.51.100.128/24');
    assert.equal(await host.sh('ip -n web -o route show default; ip -n web -6 -o route show default | sed "s/ metric.*//"'), `default via ${LAN} dev eth0 \ndefault via ${LAN6} dev eth0`);
    await using server = await place.serve(80, 'tcp', 'web');
    for (const cidr of [ipv4, ipv6]) assert.equal(await host.outside.canReach(cidr.split('/')[0] ?? '', server.port), true, cidr);
    await using internet = await host.outside.serve(0, 'tcp', 'internet');
    // Its own address, not the host's.
    assert.match((await place.probe('203.0.113.7', internet.port)).answer, /internet from 198\.51\.100\.128 /);
    assert.equal(await host.sh('cat /proc/sys/net/ipv4/conf/eth0/forwarding'), '0');
  });

  it('takes no address for a gateway that nobody named, and none that the host has', async () => {
    const [first] = [await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', subnets: ['198.51.100.8/29'], options: { parent: 'eth0' } })];
    assert.deepEqual(first?.ipv4, [{ subnet: '198.51.100.8/29', auxiliary: { parent: '198.51.100.10' } }]);
    const addresses: unknown[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) addresses.push((await remote.controller.createSandbox({ name, networks: [{ network: 'lan' }] })).endpoints[0]?.ipv4);
    assert.deepEqual(addresses, [9, 11, 12, 13, 14].map((number) => `198.51.100.${number}/29`));
    assert.equal(await host.sh('ip -n a route show default'), '');
    await rejects(remote.controller.createSandbox({ name: 'f', networks: [{ network: 'lan' }] }), 'EXHAUSTED');
    // What is right for a LAN is refused to a bridge.
    await rejects(remote.controller.createNetwork({ name: 'bridge', subnets: ['198.51.100.128/25'] }), 'FORBIDDEN', /reaches directly/);
  });

  it('gives endpoints of a second subnet when the first is full', async () => {
    await remote.controller.createNetwork({ name: 'lan', driver: 'macvlan', subnets: ['10.1.0.0/30', '10.2.0.0/24'], gateways: ['10.1.0.1', '10.2.0.1'], options: { parent: 'eth0' } });
    const made = [];
    for (const name of ['a', 'b']) made.push((await remote.controller.createSandbox({ name, networks: [{ network: 'lan' }] })).endpoints[0]?.ipv4);
    assert.deepEqual(made, ['10.1.0.2/30', '10.2.0.2/24']);
    assert.equal(await host.sh('ip -n b -o route show default'), 'default via 10.2.0.1 dev eth0 ');
  });

  describe('host access', () => {
    it('leads the host to sandboxes and back by the address that it has, and the LAN goes on knowing the host by its own MAC', async () => {
      await remote.controller.createNetwork(onLan('lan', { 'tsmacvlan.host_access': 'true' }));
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ipv6: '2001:db8:100::77' }] });
      await using web = await host.netns('web').serve(80, 'tcp', 'web');
      await using server = await host.serve(81, 'tcp', 'host');
      assert.match((await host.probe('198.51.100.128', web.port)).answer, new RegExp(`web from ${host.address4} `));
      assert.match((await host.netns('web').probe(host.address4, server.port)).answer, /host from 198\.51\.100\.128 /);
      assert.match((await host.probe('2001:db8:100::77', web.port)).answer, /web from 2001:db8:100:0:/);
      const [{ settled }] = (await remote.controller.networks()) as unknown as [{ settled: { host: string } }];
      const [, made = ''] = settled.host.split(' ');
      assert.match((await host.netns('web').probe(made, server.port)).answer, /host from 2001:db8:100::77 /);
      const own = (await host.sh('cat /sys/class/net/eth0/address')).trim();
      await host.outside.sh(`ip neigh flush dev lan0; ping -c1 -W1 ${host.address4} >/dev/null; ping -c1 -W1 ${host.address6} >/dev/null`);
      for (const address of [host.address4, host.address6]) assert.match(await host.outside.sh(`ip neigh show to ${address}`), new RegExp(own), address);
    });

    it('follows sandboxes as they come and go, and takes an address of its own where one is given', async () => {
      await remote.controller.createNetwork({ ...onLan('lan', { 'tsmacvlan.host_access': 'true' }), auxiliary: { host: '198.51.100.99' } });
      const routes = (): Promise<string> => host.sh('ip route show proto 78 | sed "s/ dev.*//"');
      assert.equal(await routes(), '');
      await remote.controller.createSandbox({ name: 'web' });
      await remote.controller.connect('web', { network: 'lan' });
      assert.equal(await routes(), '198.51.100.128');
      assert.match(await host.sh('ip -br addr show type macvlan'), /^ha-\w+@eth0 +UP +198\.51\.100\.99\/32 /);
      await remote.controller.createSandbox({ name: 'other', networks: [{ network: 'lan' }] });
      await remote.controller.disconnect('web', 'lan');
      assert.equal(await routes(), '198.51.100.129');
      await host.sh('ip link del $(ip -br link show type macvlan | grep "^ha-" | cut -d@ -f1)');
      await holds(async () => assert.equal(await routes(), '198.51.100.129'));
      assert.equal(await pings(host, '198.51.100.129'), true);
    });

    it('is refused where it cannot be', async () => {
      await rejects(remote.controller.createNetwork(onLan('lan', { 'tsmacvlan.host_access': 'true', macvlan_mode: 'private' })), 'INVALID', /macvlan_mode=private/);
      await rejects(remote.controller.createNetwork({ ...onLan('lan', { 'tsmacvlan.host_access': 'true' }), subnets: ['10.5.0.0/24'], ranges: [], gateways: [] }), 'INVALID', /--aux-address host=/);
    });
  });

  describe('duplicate address detection', () => {
    it('refuses an address that somebody on the LAN has, and says who', async () => {
      const mac = (await host.outside.sh('cat /sys/class/net/lan0/address')).trim();
      await host.outside.sh('ip addr add 198.51.100.150/24 dev lan0; ip addr add 2001:db8:100::150/64 dev lan0 nodad');
      await remote.controller.createNetwork(onLan('lan', { 'tsmacvlan.dad': 'true' }));
      await rejects(remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ipv4: '198.51.100.150' }] }), 'IN_USE', new RegExp(`198\\.51\\.100\\.150 is in use.* ${mac}`));
      await rejects(remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ipv6: '2001:db8:100::150' }] }), 'IN_USE', new RegExp(`2001:db8:100::150 is in use.* ${mac}`));
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ipv4: '198.51.100.151', ipv6: '2001:db8:100::151' }] });
      assert.equal(await pings(host.netns('web'), LAN), true);
      await host.outside.sh('ip addr del 198.51.100.150/24 dev lan0; ip addr del 2001:db8:100::150/64 dev lan0');
    });

    it('is asked for by an endpoint, too, and costs nothing where nobody asks', async () => {
      await remote.controller.createNetwork(onLan('lan'));
      const twin = (dad: string): Promise<unknown> => remote.controller.createSandbox({ name: `dad-${dad}`, networks: [{ network: 'lan', ipv4: LAN.replace(/1$/, '153'), options: { 'tsmacvlan.dad': dad } }] });
      await host.outside.sh('ip addr add 198.51.100.153/24 dev lan0');
      await rejects(twin('true'), 'IN_USE');
      await twin('false');
      await host.outside.sh('ip addr del 198.51.100.153/24 dev lan0');
      await rejects(remote.controller.connect('dad-false', { network: 'lan', options: { 'tsmacvlan.dad': 'perhaps' } }), 'EXISTS');
      await rejects(twin('perhaps'), 'INVALID', /true or false/);
    });
  });

  it('tells the neighbours where an address is now', async () => {
    await host.outside.sh('ip neigh replace 198.51.100.160 lladdr 02:00:00:00:00:99 dev lan0 nud stale; ip neigh replace 2001:db8:100::160 lladdr 02:00:00:00:00:99 dev lan0 nud stale');
    await remote.controller.createNetwork(onLan('lan', { 'com.docker.network.advertise_addr_ms': '500' }));
    const web = await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', ipv4: '198.51.100.160', ipv6: '2001:db8:100::160' }] });
    const mac = String(web.endpoints[0]?.mac);
    await holds(async () => {
      for (const address of ['198.51.100.160', '2001:db8:100::160']) assert.match(await host.outside.sh(`ip neigh show to ${address}`), new RegExp(mac));
    });
  });

  describe('a parent that goes away and comes back', () => {
    const doctor = async (): Promise<string> => (await remote.controller.diagnose()).filter(({ subject, level }) => subject === 'links' && level !== 'ok').map(({ message }) => message).join('\n');

    async function start(): Promise<readonly string[]> {
      await remote.controller.createNetwork(onLan('lan', { 'tsmacvlan.host_access': 'true' }));
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
      return (await inside('web')).what;
    }

    async function isBack(what: readonly string[]): Promise<void> {
      await holds(async () => assert.deepEqual((await inside('web')).what, what), 8000);
      await holds(async () => assert.equal(await pings(host.netns('web'), LAN), true));
      await holds(async () => assert.equal(await doctor(), ''));
    }

    it('deleted and made again: the same MAC and addresses, without a restart', async () => {
      await host.sh(`ip link add spare type veth peer name wire; ip link set wire up; ip link set spare up`);
      await remote.controller.createNetwork({ name: 'usb', driver: 'macvlan', subnets: ['10.6.0.0/24'], options: { parent: 'spare' } });
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'usb' }] });
      const { what, index } = await inside('web');
      await host.sh('ip link del spare');
      await holds(async () => assert.match(await doctor(), /parent 'spare' of network 'usb' is gone, [^\n]*; or remove the network\n[^]*link eth0 in \/run\/netns\/web is missing/));
      const remedies = (await remote.controller.diagnose()).filter(({ subject }) => subject === 'links').map(({ remedy }) => remedy);
      assert.deepEqual(remedies, [undefined, "'netctl doctor --fix' puts it right, where what it sits on is there"], 'nobody here can make the parent');
      await rejects(remote.controller.createSandbox({ name: 'late', networks: [{ network: 'usb' }] }), 'UNAVAILABLE', /its parent 'spare' is not there: bring it back by that name/);
      // As a driver would: first it is there, and up a moment later.
      await host.sh('ip link add spare type veth peer name wire');
      await host.sh('ip link set wire up; ip addr add 10.6.0.200/24 dev wire; ip link set spare up');
      await holds(async () => assert.deepEqual((await inside('web')).what, what), 8000);
      assert.notEqual((await inside('web')).index, index);
      await holds(async () => assert.equal(await pings(host.netns('web'), '10.6.0.200'), true));
      assert.equal(await doctor(), '');
      await remote.controller.removeSandbox('web');
      await remote.controller.removeNetwork('usb');
      await host.sh('ip link del spare');
    });

    it('moved to another namespace and back: endpoints are left as they are', async () => {
      const what = await start();
      const { index } = await inside('web');
      await host.sh('ip netns add away; ip link set eth0 netns away');
      await holds(async () => assert.match(await doctor(), /parent 'eth0' of network 'lan' is gone/));
      await host.sh(`ip -n away link set eth0 netns 1; ip netns del away; ip link set eth0 addrgenmode none
        ip addr add ${host.address4}/24 dev eth0; ip addr add ${host.address6}/64 dev eth0 nodad; ip addr add fe80::10/64 dev eth0 nodad
        ip link set eth0 up; ip route add default via ${LAN}; ip route add default via ${LAN6}`);
      await isBack(what);
      assert.equal((await inside('web')).index, index);
    });

    it('down and up', async () => {
      const what = await start();
      await host.sh('ip link set eth0 down');
      await host.sh(`ip link set eth0 up; ip addr replace ${host.address6}/64 dev eth0 nodad; ip addr replace fe80::10/64 dev eth0 nodad; ip route replace default via ${LAN}; ip route replace default via ${LAN6}`);
      await isBack(what);
    });
  });

  it('keeps links and MAC addresses over a restart, and a crash', async () => {
    await remote.controller.createNetwork(onLan('lan'));
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
    const known = await inside('web');
    await remote.stop();
    remote = await RemoteController.start(host);
    assert.deepEqual(await inside('web'), known);
    await remote.kill9();
    await host.sh('ip netns exec web ip link del eth0');
    remote = await RemoteController.start(host);
    assert.deepEqual((await inside('web')).what, known.what);
  });

  it('leaves nothing in a namespace of somebody else, killed at the wrong moment', async () => {
    await remote.controller.createNetwork(onLan('lan'));
    for (let [waiting, tries] = ['', 20]; waiting === ''; tries--) {
      await host.sh('ip netns del theirs 2>/dev/null || :; ip netns add theirs');
      await remote.controller.adoptSandbox({ name: 'theirs', namespace: '/run/netns/theirs', networks: [{ network: 'lan' }] });
      await remote.controller.removeSandbox('theirs');
      await remote.kill9();
      // It waits out of sight for its deletion, which a machine with much to do may be late to forestall.
      waiting = await host.sh('ip -n theirs -o link show type macvlan');
      if (waiting !== '' || tries === 0) assert.match(waiting, /: gone/);
      remote = await RemoteController.start(host);
    }
    assert.equal(await host.sh('ip -n theirs -o link show type macvlan'), '');
  });

  it('takes the link out of a sandbox in which a program lives on', async () => {
    await remote.controller.createNetwork(onLan('lan'));
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
    await using program = await host.netns('web').spawn(['sleep', '1000']);
    await remote.controller.removeSandbox('web');
    await holds(async () => assert.equal(await host.sh('nsenter --net=/proc/$(pgrep -x -f "sleep 1000")/ns/net ip -o link show type macvlan'), ''));
    assert.equal(program.running, true);
  });

  describe('what is refused, and leaves nothing', () => {
    const cases: readonly (readonly [string, Record<string, string>, ErrorCode, RegExp])[] = [
      ['a parent that is not there', { parent: 'eth9' }, 'NOT_FOUND', /parent 'eth9' does not exist: this host has eth0/],
      ['a VLAN of one that is not there', { parent: 'eth9.10' }, 'NOT_FOUND', /parent 'eth9' does not exist/],
      ['the loopback interface', { parent: 'lo' }, 'INVALID', /loopback/],
      ['a port of a bridge', { parent: 'port0' }, 'IN_USE', /'port0' is a port of bridge 'their0'.*parent=their0/],
      ['VLAN 0', { parent: 'eth0.0' }, 'INVALID', /VLAN id '0'.*1 to 4094/],
      ['VLAN 4095', { parent: 'eth0.4095' }, 'INVALID', /VLAN id '4095'.*1 to 4094/],
      ['a VLAN that is no number', { parent: 'eth0.blue' }, 'INVALID', /VLAN id 'blue'/],
      ['a name that is too long', { parent: 'enp0s31f6abc.100.200' }, 'INVALID', /1 to 15/],
      ['a mode that is none', { macvlan_mode: 'l2' }, 'INVALID', /macvlan_mode='l2': must be one of bridge, private, vepa, passthru, source/],
      ['an option that is none', { 'tsmacvlan.hostaccess': 'true' }, 'INVALID', /unknown macvlan option 'tsmacvlan\.hostaccess'/],
      ['an MTU above that of the parent', { 'com.docker.network.driver.mtu': '9000' }, 'INVALID', /9000 is more than the 1500 of parent 'eth0'/],
      ['mode source without sources', { macvlan_mode: 'source' }, 'INVALID', /tsmacvlan\.sources/],
      ['a macvlan link as parent', { parent: 'mac0' }, 'INVALID', /'mac0' is a macvlan link itself/],
      ['a parent that is no Ethernet link', { parent: 'tun0' }, 'IN_USE', /'tun0' does not take it: it is no Ethernet link/],
    ];

    before(async () => {
      await host.sh('ip link add their0 type bridge; ip link add port0 type veth peer name port1; ip link set port0 master their0; ip link add mac0 link eth0 type macvlan; ip tuntap add tun0 mode tun');
      clean = await host.snapshot();
    });

    after(async () => {
      await host.sh('ip link del their0; ip link del port0; ip link del mac0; ip tuntap del tun0 mode tun');
      clean = await host.snapshot();
    });

    for (const [what, options, code, words] of cases) {
      it(what, async () => rejects(remote.controller.createNetwork(onLan('lan', options)), code, words));
    }

    it('sharing a parent with passthru, and a second endpoint there', async () => {
      await host.sh('ip link add whole type veth peer name wire; ip link set wire up; ip link set whole up');
      const before = await host.sh('cat /sys/class/net/whole/address');
      const request = (name: string, subnet: string, mode: string): NetworkRequest => ({ name, driver: 'macvlan', subnets: [subnet], options: { parent: 'whole', macvlan_mode: mode } });
      await remote.controller.createNetwork(request('one', '10.7.0.0/24', 'bridge'));
      await rejects(remote.controller.createNetwork(request('two', '10.8.0.0/24', 'passthru')), 'IN_USE', /used by network 'one', and macvlan_mode=passthru wants it for itself/);
      await remote.controller.removeNetwork('one');
      await remote.controller.createNetwork(request('two', '10.8.0.0/24', 'passthru'));
      await rejects(remote.controller.createNetwork(request('one', '10.7.0.0/24', 'bridge')), 'IN_USE', /used by network 'two', which has it for itself/);
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'two' }] });
      assert.equal((await inside('web')).what[0], before);
      await rejects(remote.controller.createSandbox({ name: 'other', networks: [{ network: 'two' }] }), 'IN_USE', /has its endpoint already \(web\)/);
      await remote.controller.removeSandbox('web');
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'two', mac: '02:00:00:00:00:42' }] });
      assert.equal((await inside('web')).what[0], '02:00:00:00:00:42');
      await remote.controller.removeSandbox('web');
      await remote.controller.removeNetwork('two');
      assert.equal(await host.sh('cat /sys/class/net/whole/address; ip link del whole'), before);
    });

    it('a parent with links that only the kernel knows of', async () => {
      await host.sh('ip link add whole type veth peer name wire; ip netns add theirs; ip link add link whole name m0 netns theirs type macvlan mode passthru');
      await rejects(remote.controller.createNetwork(onLan('lan', { parent: 'whole' })), 'IN_USE', /passthru/);
      await host.sh('ip netns del theirs; ip link del whole');
    });
  });

  it('refuses a MAC address that another link on the parent has, and says so', async () => {
    await remote.controller.createNetwork(onLan('lan'));
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan', mac: '02:00:00:00:00:42' }] });
    const [code, words] = ['IN_USE', /^set link 'eth0' in \/run\/netns\/second .*: its MAC address is that of its parent or of another link there: choose another by --mac$/] as const;
    await assert.rejects(remote.controller.createSandbox({ name: 'second', networks: [{ network: 'lan', mac: '02:00:00:00:00:42' }] }), { code, message: words });
  });

  it('mode source takes frames of the named senders only', async () => {
    const mac = (await host.outside.sh('cat /sys/class/net/lan0/address')).trim();
    await remote.controller.createNetwork(onLan('lan', { macvlan_mode: 'source', 'tsmacvlan.sources': mac }));
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
    assert.equal(await pings(host.netns('web'), LAN), true);
    await remote.controller.removeSandbox('web');
    await remote.controller.removeNetwork('lan');
    await remote.controller.createNetwork(onLan('lan', { macvlan_mode: 'source', 'tsmacvlan.sources': '02:00:00:00:00:77' }));
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'lan' }] });
    assert.equal(await pings(host.netns('web'), LAN), false);
  });
});
