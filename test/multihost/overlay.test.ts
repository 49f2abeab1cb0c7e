import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { MultiHostLab, type LabHost } from '../support/multi-host.ts';

interface Shown {
  readonly endpoints: readonly { readonly ipv4: string; readonly ipv6: string; readonly mac: string }[];
}

describe('an overlay network over hosts', function () {
  let lab: MultiHostLab;
  let one: LabHost;
  let two: LabHost;
  let three: LabHost;
  let clean: MachineState[];

  before(async function () {
    lab = await MultiHostLab.start(this, 3);
    [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];
    clean = await Promise.all(lab.hosts.map(({ host }) => host.snapshot()));
  });

  after(() => lab?.[Symbol.asyncDispose]());

  afterEach(async () => {
    for (const { netctl } of lab.hosts) {
      const names = (await netctl.ok('sandbox', 'ls', '--format', 'json').then((text) => JSON.parse(text) as { name: string }[])).map(({ name }) => name);
      if (names.length > 0) await netctl.ok('sandbox', 'rm', ...names);
    }
    const networks = (await one.netctl.json<{ name: string; driver: string }[]>('network', 'ls')).filter(({ driver }) => driver === 'overlay').map(({ name }) => name);
    for (const name of networks) await one.netctl.ok('network', 'rm', name);
    for (const [index, { host, netctl }] of lab.hosts.entries()) {
      await eventually(() => netctl.ok('network', 'ls'), (list) => !list.includes('overlay'));
      const left = await eventually(async () => difference(clean[index] ?? new Map(), await host.snapshot(), ['links', 'routes', 'namespaces', 'nftables', 'neighbours']), (lines) => lines.length === 0);
      assert.deepEqual(left, []);
    }
  });

  const pings = async ({ host }: LabHost, from: string, address: string): Promise<boolean> => (await host.netns(from).exec(['ping', '-c1', '-W1', address], { allowFail: true })).code === 0;

  async function network(...words: readonly string[]): Promise<void> {
    const name = words.at(-1) ?? '';
    await one.netctl.ok('network', 'create', '-d', 'overlay', ...words);
    for (const { netctl } of lab.hosts) assert.match(await eventually(() => netctl.ok('network', 'ls'), (list) => list.includes(name)), new RegExp(name));
  }

  /** @returns its plain addresses */
  async function sandbox({ netctl }: LabHost, name: string, ...words: readonly string[]): Promise<{ readonly ipv4: string; readonly ipv6: string; readonly mac: string }> {
    await netctl.ok('sandbox', 'create', '--network', 'blue', ...words, name);
    const [shown] = await netctl.json<Shown[]>('sandbox', 'inspect', name);
    const [endpoint] = shown?.endpoints ?? [];
    return { ipv4: endpoint?.ipv4?.split('/')[0] ?? '', ipv6: endpoint?.ipv6?.split('/')[0] ?? '', mac: endpoint?.mac ?? '' };
  }

  it('carries packets of either family by address and by name', async () => {
    await network('--subnet', '10.1.0.0/24', '--subnet', 'fd00:1::/64', 'blue');
    await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    const c = await sandbox(three, 'c');
    for (const address of [b.ipv4, b.ipv6, c.ipv4, c.ipv6]) assert.equal(await pings(one, 'a', address), true, address);
    for (const name of ['b', 'c', 'b.blue']) assert.match(await one.netctl.ok('exec', 'a', 'ping', '-c1', '-W2', name), / 0% packet loss/);
    assert.match(await one.netctl.ok('cluster', 'ls'), /h1 .* here +1\n.*h2 .* there +1\n.*h3 .* there +1/);
    const encrypts = (await one.host.exec(['sh', '-c', 'ip link add probe type wireguard && ip link del probe'], { allowFail: true })).code === 0;
    assert.match(await one.netctl.ok('cluster', 'ls'), new RegExp(`h1 .* ${encrypts ? 'yes' : '-'} +here`), 'a key is of use where the kernel has WireGuard');
    // The full MTU fits, and no byte more.
    assert.equal((await one.host.netns('a').exec(['ping', '-c1', '-W1', '-M', 'do', '-s', String(1450 - 28), b.ipv4], { allowFail: true })).code, 0);
    assert.notEqual((await one.host.netns('a').exec(['ping', '-c1', '-W1', '-M', 'do', '-s', String(1451 - 28), b.ipv4], { allowFail: true })).code, 0);
    // Each host has a gateway of its own with the same address: nobody asks another for it.
    assert.equal(await pings(two, 'b', '10.1.0.1'), true);
    await two.netctl.ok('exec', 'b', 'ping', '-c1', '-W2', '203.0.113.7');
    await two.netctl.ok('sandbox', 'rm', 'b');
    assert.equal(await pings(one, 'a', b.ipv4), false);
    assert.equal((await one.netctl.run(['exec', 'a', 'ping', '-c1', '-W1', 'b'])).code, 2);
  });

  it('has as many subnets of either family as its user wants', async () => {
    await network('--subnet', '10.1.0.0/24', '--subnet', '10.2.0.0/28', '--subnet', 'fd00:1::/64', '--subnet', 'fd00:2::/64', 'blue');
    const a = await sandbox(one, 'a');
    const b = await sandbox(two, 'b', '--ip', '10.2.0.5', '--ip6', 'fd00:2::5');
    const c = await sandbox(three, 'c', '--ip', '10.2.0.6');
    for (const address of [b.ipv4, b.ipv6, c.ipv4, c.ipv6]) assert.equal(await pings(one, 'a', address), true, address);
    for (const address of [a.ipv4, a.ipv6, c.ipv4, c.ipv6]) assert.equal(await pings(two, 'b', address), true, address);
    // From one subnet to the other a packet goes by the gateway of its sender's host, and so does each answer.
    await using server = await two.host.netns('b').serve(80, 'tcp', 'hello');
    for (const [address, from] of [[b.ipv4, a.ipv4], [b.ipv6, a.ipv6]] as const) {
      assert.ok((await one.host.netns('a').probe(address, server.port)).answer.startsWith(`hello from ${from} `), address);
    }
    for (const gateway of ['10.2.0.1', 'fd00:2::1']) assert.equal(await pings(two, 'b', gateway), true, gateway);
    await two.netctl.ok('exec', 'b', 'ping', '-c1', '-W2', '203.0.113.7');
    assert.match(await three.netctl.ok('exec', 'c', 'ping', '-c1', '-W2', 'b'), / 0% packet loss/);
    await lab.restartDaemon(two);
    assert.equal(await pings(one, 'a', b.ipv4), true);
    assert.match((await one.netctl.run(['sandbox', 'create', '--network', 'blue', '--ip', b.ipv4, 'd'])).stderr, /10\.2\.0\.5/);
  });

  it('lets only hosts of the cluster in, through whatever else the host filters', async () => {
    await network('--subnet', '10.1.0.0/24', '-o', 'tsoverlay.vni=77', 'blue');
    await one.host.sh('iptables -P INPUT DROP; iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT');
    const a = await sandbox(one, 'a');
    await sandbox(two, 'b');
    assert.equal(await pings(two, 'b', a.ipv4), true);
    await one.host.sh('iptables -P INPUT ACCEPT; nft delete table ip filter');
    await lab.lan.sh(`ip link add evil type vxlan id 77 dstport 4789 local 198.51.100.1 remote ${one.host.address4} nolearning; ip addr add 10.1.0.200/24 dev evil; ip link set evil up; ip neigh add ${a.ipv4} lladdr ${a.mac} dev evil nud permanent`);
    const dump = await one.host.netns('a').spawn(['tcpdump', '-lni', 'eth0', 'icmp']);
    await dump.waitFor(/listening on/);
    await lab.lan.exec(['ping', '-c2', '-W1', '-I', 'evil', a.ipv4], { allowFail: true });
    await dump.kill('SIGINT');
    assert.doesNotMatch(dump.output, /10\.1\.0\.200/);
    await lab.lan.sh('ip link del evil');
    assert.equal(await pings(two, 'b', a.ipv4), true);
  });

  it('is not written into by a sandbox of another network, to whatever address of a host it sends', async () => {
    await network('--subnet', '10.1.0.0/24', '-o', 'tsoverlay.vni=77', 'blue');
    const a = await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    await two.netctl.ok('network', 'create', '--subnet', '10.8.0.0/24', 'private');
    await two.netctl.ok('sandbox', 'create', '--network', 'private', 'evil');
    await one.host.sh('ip addr add 198.51.100.77/24 dev eth0');
    const dump = await one.host.netns('a').spawn(['tcpdump', '-lni', 'eth0', 'icmp']);
    await dump.waitFor(/listening on/);
    for (const remote of [one.host.address4, '198.51.100.77']) {
      await two.host.netns('evil').sh(`ip link add vx type vxlan id 77 dstport 4789 remote ${remote} nolearning; ip addr add 10.1.0.200/24 dev vx; ip link set vx up; ip neigh add ${a.ipv4} lladdr ${a.mac} dev vx nud permanent
        ping -c2 -W1 -I vx ${a.ipv4} || true; ip link del vx`);
    }
    assert.equal(await pings(two, 'b', a.ipv4), true);
    await dump.waitFor(new RegExp(`${b.ipv4} > `));
    await dump.kill('SIGINT');
    assert.doesNotMatch(dump.output, /10\.1\.0\.200/);
    await one.host.sh('ip addr del 198.51.100.77/24 dev eth0');
    await two.netctl.ok('sandbox', 'rm', 'evil');
    await two.netctl.ok('network', 'rm', 'private');
  });

  it('publishes ports of an endpoint at its host, for every other host', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await sandbox(one, 'web', '-p', '8080:80');
    await sandbox(two, 'client');
    await using server = await one.host.netns('web').serve(80, 'tcp', 'hello');
    assert.equal(server.port, 80);
    assert.equal((await two.host.netns('client').probe(one.host.address4, 8080)).answer.slice(0, 5), 'hello');
    assert.equal((await three.host.probe(one.host.address4, 8080)).answer.slice(0, 5), 'hello');
  });

  it('does without etcd: traffic, names, and attaching from the addresses that a host has', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    await lab.stopEtcd();
    assert.equal(await pings(one, 'a', b.ipv4), true);
    assert.match(await one.netctl.ok('exec', 'a', 'ping', '-c1', '-W2', 'b'), / 0% packet loss/);
    const c = await sandbox(one, 'c');
    assert.equal(await pings(one, 'a', c.ipv4), true);
    const refused = await three.netctl.run(['sandbox', 'create', '--network', 'blue', 'd']);
    assert.match(refused.stderr, /^netctl: .*198\.51\.100\.1:2379/);
    await lab.restartDaemon(one);
    assert.equal(await pings(one, 'a', b.ipv4), true);
    await lab.startEtcd();
    assert.equal(await eventually(() => pings(two, 'b', c.ipv4), Boolean), true);
  });

  it('loses no packet of a flow when a daemon is killed and another one starts', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    const a = await sandbox(one, 'a');
    await sandbox(two, 'b');
    const flood = await two.host.netns('b').spawn(['ping', '-i', '0.01', '-c', '400', '-q', a.ipv4]);
    await lab.restartDaemon(one);
    await lab.restartDaemon(two);
    await flood.ended;
    assert.match(flood.output, /400 packets transmitted, 400 received/);
  });

  it('is not left by a host whose daemon a command starts, which does not know of the others', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await one.daemon.kill('SIGKILL');
    assert.match((await one.netctl.run(['network', 'ls'])).stderr, /^netctl: the daemon did not start: network 'blue' of this host is of a cluster: start the daemon as it was started before, 'netctl daemon --cluster URL' \('netctl daemon' alone does without the other hosts\)$/m);
    await lab.restartDaemon(one);
    assert.match(await one.netctl.ok('cluster', 'ls'), /h2/);
  });

  it('has only what is there still when a daemon starts after others have gone', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await network('--subnet', '10.2.0.0/24', 'red');
    await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    const c = await sandbox(three, 'c');
    assert.equal(await pings(one, 'a', b.ipv4), true);
    await one.daemon.kill('SIGKILL');
    await two.netctl.ok('sandbox', 'rm', 'b');
    await two.netctl.ok('network', 'rm', 'red');
    await lab.restartDaemon(one);
    const kernel = (): Promise<string> => one.host.sh('bridge fdb show; ip neigh show nud permanent');
    assert.doesNotMatch(await eventually(kernel, (text) => !text.includes(b.mac)), new RegExp(b.mac));
    assert.match(await kernel(), new RegExp(`${c.ipv4} .*${c.mac}`));
    assert.doesNotMatch(await eventually(() => one.netctl.ok('network', 'ls'), (list) => !list.includes('red')), /red/);
    assert.equal(await pings(one, 'a', c.ipv4), true);
  });

  it('follows an address to another host, and withdraws what a lost host had', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    assert.equal(await pings(one, 'a', b.ipv4), true);
    await two.netctl.ok('sandbox', 'rm', 'b');
    const moved = await sandbox(three, 'b', '--ip', b.ipv4);
    assert.deepEqual(moved, b);
    assert.equal(await pings(one, 'a', b.ipv4), true);
    await three.daemon.kill('SIGKILL');
    assert.equal(await pings(one, 'a', b.ipv4), true);
    const forwarding = (): Promise<string> => one.host.sh('bridge fdb show | grep -c "dst 198.51.100" || true');
    assert.equal((await eventually(forwarding, (count) => count.trim() === '0')).trim(), '0');
    await lab.restartDaemon(three);
    assert.equal(await eventually(() => pings(one, 'a', b.ipv4), Boolean), true);
  });

  it('repairs what others take from the kernel', async () => {
    await network('--subnet', '10.1.0.0/24', 'blue');
    await sandbox(one, 'a');
    const b = await sandbox(two, 'b');
    assert.equal(await pings(one, 'a', b.ipv4), true);
    await one.host.sh(`link=$(ip -br link show type vxlan | cut -d' ' -f1); bridge fdb del ${b.mac} dev $link self; bridge fdb del ${b.mac} dev $link master; ip neigh flush nud permanent`);
    assert.equal(await eventually(() => pings(one, 'a', b.ipv4), Boolean), true);
    await one.host.sh("ip link del $(ip -br link show type vxlan | cut -d' ' -f1)");
    assert.equal(await eventually(() => pings(one, 'a', b.ipv4), Boolean), true);
    await one.host.sh("ip address flush dev $(ip -br link show type bridge | cut -d' ' -f1)");
    assert.equal(await eventually(() => pings(one, 'a', '10.1.0.1'), Boolean), true);
    assert.match(await eventually(() => one.netctl.ok('doctor'), (text) => !text.includes('missing')), /cluster/);
  });

  it('refuses what cannot be, and says why', async () => {
    const says = async ({ netctl }: LabHost, ...words: readonly string[]): Promise<string> => (await netctl.run(words)).stderr.trim();
    const cluster = 'etcd://198.51.100.1:2379';
    const other = ['daemon', '--state-dir', '/run/other', '--run-dir', '/run/other-run', '--docker-plugins', 'none', '--firewall', 'nft'];
    const twin = await two.netctl.start([...other, '--state-dir', '/run/twin', '--cluster', cluster]);
    await twin.waitFor(/address 198\.51\.100\.\d+ is advertised by host 'h2' already/);
    await twin.kill('SIGTERM');
    await two.host.sh('ip route add 10.44.0.0/16 dev eth0');
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.44.1.0/24', 'green');
    const seen = await eventually(() => two.netctl.ok('cluster', 'ls'), (text) => text.includes('problem'));
    assert.match(seen, /problem: network 'green' of the cluster cannot be had here: subnet 10\.44\.1\.0\/24 overlaps 10\.44\.0\.0\/16, which this host reaches directly/);
    await two.host.sh('ip route del 10.44.0.0/16 dev eth0');
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.7.0.0/24', '-o', 'tsoverlay.vni=77', 'blue');
    assert.equal(await says(one, 'network', 'create', '-d', 'overlay', '-o', 'tsoverlay.vni=77', 'red'), "netctl: VNI 77 is that of network 'blue': choose another, or none to get a free one");
    assert.equal(await says(two, 'network', 'create', '-d', 'overlay', '-o', 'tsoverlay.vni=0', 'red'), "netctl: option tsoverlay.vni='0': must be a whole number from 1 to 16777215");
    {
      await using _program = await two.host.serve(4790, 'udp', 'hello');
      assert.match(await says(two, 'network', 'create', '-d', 'overlay', '-o', 'tsoverlay.port=4790', 'red'), /^netctl: set link 'vx-\w+' .*: another program has the UDP port at which it listens \('ss -lunp' names it\): end that one, or make the network with another -o tsoverlay\.port$/);
    }
    assert.match(await says(two, ...other, '--cluster', cluster, '--advertise', '203.0.113.99'), /^netctl: address 203\.0\.113\.99 is on no interface of this host, which has .*198\.51\.100/);
    assert.match(await says(two, ...other, '--cluster', 'etcd://198.51.100.1:9'), /^netctl: .*198\.51\.100\.1:9.*ECONNREFUSED/);
    assert.match(await says(two, ...other, '--cluster', 'http://198.51.100.1'), /^netctl: cluster 'http:\/\/198\.51\.100\.1' is not of the form/);
  });
});
