import assert from 'node:assert/strict';
import type { Background } from '../support/background.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { Lan } from '../support/lan.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

const FILE = '/etc/peers.yaml';
const CLUSTER = ['--cluster', `static://${FILE}`];

interface Machine {
  readonly host: PrivateHost;
  readonly netctl: Netctl;
  daemon: Background;
}

describe('a cluster that stands in a file', function () {
  let stack: AsyncDisposableStack;
  let one: Machine;
  let two: Machine;
  let clean: MachineState[];

  const peers = (blocks: Readonly<Record<string, string>>): string => `hosts:
  h1: ${one.host.address4}
  h2: ${two.host.address4}
networks:
  blue:
    vni: 77
    subnets: [10.1.0.0/24, 'fd00:1::/64']
    blocks: {h1: [${blocks['h1'] ?? ''}], h2: [${blocks['h2'] ?? ''}]}
    names: {web: 10.1.0.70}
`;
  const BLOCKS = { h1: "10.1.0.0/26, 'fd00:1::/120'", h2: "10.1.0.64/26, 'fd00:1::100/120'" };
  const write = ({ host }: Machine, text: string): Promise<string> => host.sh(`cat > ${FILE} <<'END'\n${text}END`);
  const restart = async (machine: Machine): Promise<void> => {
    await machine.daemon.kill('SIGKILL');
    machine.daemon = await machine.netctl.daemon(CLUSTER);
  };
  const pings = async ({ host }: Machine, from: string, address: string): Promise<boolean> => (await host.netns(from).exec(['ping', '-c1', '-W1', address], { allowFail: true })).code === 0;

  before(async () => {
    stack = new AsyncDisposableStack();
    const lan = stack.use(await Lan.start());
    const hosts = await Promise.all(['h1', 'h2'].map((name) => PrivateHost.start({ name, lans: [lan] })));
    const machines = hosts.map((host) => ({ host: stack.use(host), netctl: new Netctl(host) }));
    [one, two] = machines as [Machine, Machine];
    for (const machine of machines as Machine[]) {
      await write(machine, peers(BLOCKS));
      machine.daemon = await machine.netctl.daemon(CLUSTER);
      await eventually(() => machine.host.sh('ip neigh show nud permanent'), (list) => list.includes('10.1.0.'));
    }
    clean = await Promise.all(hosts.map((host) => host.snapshot()));
  });

  after(() => stack?.disposeAsync());

  afterEach(async () => {
    for (const [index, { host, netctl }] of [one, two].entries()) {
      const names = (await netctl.json<{ name: string }[]>('sandbox', 'ls')).map(({ name }) => name);
      if (names.length > 0) await netctl.ok('sandbox', 'rm', ...names);
      const left = await eventually(async () => difference(clean[index] ?? new Map(), await host.snapshot(), ['links', 'routes', 'namespaces', 'nftables', 'neighbours']), (lines) => lines.length === 0);
      assert.deepEqual(left, []);
    }
  });

  it('carries packets of either family between sandboxes of both hosts, and knows names that stand there', async () => {
    await one.netctl.ok('sandbox', 'create', '--network', 'blue', '--ip', '10.1.0.2', 'a');
    await two.netctl.ok('sandbox', 'create', '--network', 'blue', '--ip', '10.1.0.70', 'web');
    const [{ endpoints } = { endpoints: [] }] = await two.netctl.json<{ endpoints: { ipv6: string }[] }[]>('sandbox', 'inspect', 'web');
    for (const address of ['10.1.0.70', endpoints[0]?.ipv6.split('/')[0] ?? '']) assert.equal(await pings(one, 'a', address), true, address);
    assert.equal(await pings(two, 'web', '10.1.0.2'), true);
    assert.match(await one.netctl.ok('exec', 'a', 'ping', '-c1', '-W2', 'web'), / 0% packet loss/);
    assert.match(await one.netctl.ok('cluster', 'ls'), /^cluster static:\/\/\/etc\/peers\.yaml \([0-9a-f]{8}\)\n.*\n.* h1 .* here +1\n.* h2 .* there +-$/);
    assert.match(await one.netctl.ok('network', 'inspect', '--format', 'table', 'blue'), /\nEndpoints: +a 10\.1\.0\.2\/24 .*\nOn other hosts: +web 10\.1\.0\.70\/24 .* on h2$/);
    assert.match(await one.netctl.ok('doctor'), /cluster: all 1 networks of it are here/);
  });

  it('loses no packet when a daemon is killed and another one starts', async () => {
    await one.netctl.ok('sandbox', 'create', '--network', 'blue', '--ip', '10.1.0.9', 'a');
    await two.netctl.ok('sandbox', 'create', '--network', 'blue', 'b');
    const flood = await two.host.netns('b').spawn(['ping', '-i', '0.01', '-c', '400', '-q', '10.1.0.9']);
    await restart(one);
    await restart(two);
    await flood.ended;
    assert.match(flood.output, /400 packets transmitted, 400 received/);
  });

  it('says of what a file decides that the file does', async () => {
    const says = async (...words: readonly string[]): Promise<string> => (await one.netctl.run(words)).stderr.trim();
    await one.netctl.ok('sandbox', 'create', 'a');
    assert.match(await says('network', 'create', '-d', 'overlay', 'red'), /^netctl: network 'red' cannot be made for all hosts by a command: .* \/etc\/peers\.yaml; change it there on every host, and start the daemons again$/);
    assert.match(await says('network', 'rm', 'blue'), /^netctl: network 'blue' cannot be removed here alone: .*\/etc\/peers\.yaml/);
    assert.match(await says('network', 'connect', '--ip', '10.1.0.70', 'blue', 'a'), /^netctl: address 10\.1\.0\.70 of network 'blue' is in a block of host 'h2' in \/etc\/peers\.yaml/);
    assert.match(await says('network', 'connect', '--ip', '10.1.0.200', 'blue', 'a'), /^netctl: address 10\.1\.0\.200 of network 'blue' is in no block of \/etc\/peers\.yaml/);
    assert.match(await says('network', 'connect', '--mac', '02:00:00:00:00:07', 'blue', 'a'), /^netctl: MAC address 02:00:00:00:00:07 cannot be had in network 'blue'/);
    assert.match(await says('cluster', 'forget', 'h2'), /^netctl: host h2 cannot be forgotten: .*\/etc\/peers\.yaml/);
    assert.deepEqual((await one.netctl.json<{ name: string }[]>('network', 'ls')).map(({ name }) => name).toSorted(), ['blue', 'host', 'none']);
    const other = ['daemon', '--state-dir', '/run/other', '--run-dir', '/run/other-run', '--docker-plugins', 'none', '--firewall', 'nft', '--cluster'];
    await one.host.sh(`sed 's/h1: 198/h1: 197/' ${FILE} > /run/foreign.yaml; sed s/vni/vmi/ ${FILE} > /run/wrong.yaml; ip link add thin mtu 1400 type bridge; ip addr add 198.51.100.250/32 dev thin; sed 's/^  h1:.*/  h1: 198.51.100.250/' ${FILE} > /run/thin.yaml`);
    assert.match(await says(...other, 'static:///run/foreign.yaml'), /^netctl: \/run\/foreign\.yaml: this host is not there: it has .*198\.51\.100\..* and the file h1 197\.51\.100.*, h2 /);
    assert.match(await says(...other, 'static:///run/wrong.yaml'), /^netctl: \/run\/wrong\.yaml:\d+: /);
    assert.match(await says(...other, 'static:///run/thin.yaml', '--advertise', '198.51.100.250'), /^netctl: \/run\/thin\.yaml: .*1500 .*'thin' 1400: write mtu: 1400/);
    assert.match(await says(...other, 'static:///run/none.yaml'), /^netctl: \/run\/none\.yaml: the file of hosts cannot be read \(ENOENT\)/);
    await one.host.sh('ip link del thin');
  });

  it('is another one when the file is and the daemons start again: blocks are given back, and whose addresses have strayed is said', async () => {
    await one.netctl.ok('sandbox', 'create', '--network', 'blue', '--ip', '10.1.0.11', 'a');
    await two.netctl.ok('sandbox', 'create', '--network', 'blue', 'b');
    const swapped = peers({ h1: BLOCKS.h2, h2: "10.1.0.128/26, 'fd00:1::200/120'" });
    await write(one, swapped.replace('vni', 'vmi'));
    assert.match(await one.netctl.ok('cluster', 'ls'), /problem: \/etc\/peers\.yaml:\d+: .*would not start again\)/);
    await write(one, swapped);
    assert.match((await one.netctl.run(['doctor'])).stdout, /\/etc\/peers\.yaml is another one than when this daemon started/);
    for (const machine of [one, two]) {
      await write(machine, swapped);
      await restart(machine);
    }
    assert.match(await eventually(() => one.netctl.ok('cluster', 'ls'), (text) => text.includes('problem')), /problem: endpoint 'a' of network 'blue' has 10\.1\.0\.11, which \/etc\/peers\.yaml does not give to this host any more/);
    await two.netctl.ok('sandbox', 'create', '--network', 'blue', 'c');
    assert.match(await two.netctl.ok('sandbox', 'inspect', 'c'), /10\.1\.0\.128\/24/);
    await one.netctl.ok('network', 'disconnect', 'blue', 'a');
    await one.netctl.ok('network', 'connect', 'blue', 'a');
    assert.doesNotMatch(await one.netctl.ok('cluster', 'ls'), /problem/);
    assert.equal(await pings(one, 'a', '10.1.0.128'), true);
    for (const machine of [one, two]) {
      await machine.netctl.ok('sandbox', 'rm', ...(machine === one ? ['a'] : ['b', 'c']));
      await write(machine, peers(BLOCKS));
      await restart(machine);
    }
  });
});
