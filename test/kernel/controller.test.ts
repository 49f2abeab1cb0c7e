import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { RemoteController } from '../support/remote-controller.ts';
import { skip } from '../support/skip.ts';
import { prepareFirewall, USUAL_FIREWALL, type TestFirewall } from '../support/test-firewall.ts';

const MARKS = ['links', 'namespaces', 'nftables', 'iptables-legacy', 'ip6tables-legacy', 'routes', 'rules', 'sockets', 'sysctls', 'mounts'];

const FIREWALLS: readonly TestFirewall[] = USUAL_FIREWALL === 'auto' ? ['auto', 'iptables', 'iptables-legacy'] : [USUAL_FIREWALL];

for (const firewall of FIREWALLS) describe(`the controller on a real kernel, packet filter ${firewall}`, () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let clean: MachineState;

  before(async function () {
    host = await PrivateHost.start();
    if (firewall === 'iptables-legacy' && (await host.exec(['iptables-legacy', '-L'], { allowFail: true })).code !== 0) skip(this, 'program iptables-legacy, or kernel feature ip_tables');
    await prepareFirewall(host, firewall);
    clean = await host.snapshot();
    await start();
  });

  after(async () => {
    await (remote as RemoteController | undefined)?.[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    remote = await remote.cleared(host);
    assert.deepEqual(difference(clean, await host.snapshot(), MARKS), []);
  });

  async function start(): Promise<void> {
    remote = await RemoteController.start(host, { firewall });
  }

  async function lab(): Promise<void> {
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    await remote.controller.createSandbox({
      name: 'web',
      networks: [{ network: 'blue' }],
      ports: [
        { protocol: 'tcp', containerPort: 80, hostPort: 8080 },
        { protocol: 'udp', containerPort: 53, hostPort: 5353 },
      ],
    });
    await remote.controller.createSandbox({ name: 'client', networks: [{ network: 'blue' }] });
  }

  async function works(): Promise<void> {
    await using servers = new AsyncDisposableStack();
    servers.use(await host.netns('web').serve(80, 'tcp', 'web'));
    servers.use(await host.netns('web').serve(53, 'udp', 'dns'));
    await allReach();
  }

  async function allReach(): Promise<void> {
    const tries: readonly (readonly [string, Promise<boolean>])[] = [
      ['neighbour by IPv4', host.netns('client').canReach('10.9.0.2', 80)],
      ['neighbour by IPv6', host.netns('client').canReach('fd00:9::2', 80)],
      ['LAN to published port', host.outside.canReach(host.address4, 8080)],
      ['LAN to published port, IPv6', host.outside.canReach(host.address6, 8080)],
      ['LAN to published udp port', host.outside.canReach(host.address4, 5353, { proto: 'udp' })],
      ['host to 127.0.0.1', host.canReach('127.0.0.1', 8080)],
      ['host to ::1', host.canReach('::1', 8080)],
      ['neighbour by the host port', host.netns('client').canReach(host.address4, 8080)],
      ['itself by the host port', host.netns('web').canReach(host.address4, 8080)],
    ];
    const outcomes = await Promise.all(tries.map(async ([what, outcome]) => [what, await outcome] as const));
    assert.deepEqual(outcomes.filter(([, reached]) => !reached), []);
  }

  it('connects, publishes and leads out', async () => {
    await lab();
    await works();
    await using internet = await host.outside.serve(7000, 'tcp', 'internet');
    assert.equal(internet.port, 7000);
    const { answer } = await host.netns('client').probe('203.0.113.7', 7000);
    assert.match(answer ?? '', new RegExp(`^internet from ${host.address4.replaceAll('.', '\\.')} `));
  });

  it('leaves nothing of a network that the kernel refuses', async () => {
    // Less than IPv6 takes.
    const options = { 'com.docker.network.driver.mtu': '500' };
    await assert.rejects(remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'], options }), { code: 'KERNEL' });
    assert.deepEqual(difference(clean, await host.snapshot(), MARKS), []);
  });

  it('keeps a flow alive while it is killed and started again, and serves new ones afterwards', async () => {
    await lab();
    await using web = await host.netns('web').serve(7, 'tcp', 'echo', { mode: 'echo' });
    await using flow = await host.netns('client').connect('10.9.0.2', web.port);
    assert.notEqual(await flow.send('one'), '');
    await remote.kill9();
    assert.notEqual(await flow.send('two'), '');
    await start();
    assert.notEqual(await flow.send('three'), '');
    await works();
  });

  it('makes everything again after a power cut: addresses, MACs and ports', async () => {
    await lab();
    const before = await remote.controller.sandboxes();
    await remote.kill9();
    host = await host.reboot();
    await start();
    assert.deepEqual(await remote.controller.sandboxes(), before);
    await works();
  });

  it('repairs what others wreck: flushed rules, deleted links, addresses taken away', async () => {
    await lab();
    await using servers = new AsyncDisposableStack();
    servers.use(await host.netns('web').serve(80, 'tcp', 'web'));
    servers.use(await host.netns('web').serve(53, 'udp', 'dns'));
    if (firewall === 'iptables-legacy') {
      // It tells nobody: somebody has to ask.
      await host.sh('for table in raw nat mangle filter; do iptables -t $table -F; ip6tables -t $table -F; done');
      assert.ok((await remote.controller.reconcile()).length > 0);
    } else {
      await host.exec(['nft', 'flush', 'ruleset']);
      await remote.event(({ action }) => action === 'repair');
    }
    await allReach();
    const { endpoints } = await remote.controller.sandbox('web');
    await host.exec(['ip', 'link', 'del', `veth${(endpoints[0]?.id ?? '').slice(0, 11)}`]);
    await remote.event(({ name }) => name.includes('made again'));
    await allReach();
    const { id } = await remote.controller.network('blue');
    await host.exec(['ip', 'link', 'del', `br-${id.slice(0, 12)}`]);
    await remote.event(({ name }) => name.includes(`br-${id.slice(0, 12)} made again`));
    await allReach();
  });

  it('removes at the next start what a crash left behind', async () => {
    await lab();
    await remote.kill9();
    await host.sh(`
      ip link add stray type dummy 2>/dev/null || ip link add stray type veth peer name stray2
      ip link set stray alias netctl:${remote.instance}:0123456789ab:0123456789ab
      ip netns add left; ip -n left link set lo alias netctl:${remote.instance}:0123456789ab`);
    await start();
    assert.equal(await host.sh('ip -br link show stray 2>/dev/null || true'), '');
    assert.doesNotMatch(await host.sh('ip netns'), /^left/m);
    await works();
  });

  it('makes the host forward for its networks only', async () => {
    await using second = await host.outside.serve(7001, 'tcp', 'internet');
    assert.equal(second.port, 7001);
    const routes = async (): Promise<boolean> => {
      // The LAN peer sends a packet for the internet through the host, which is no router.
      await host.outside.sh(`ip route replace 192.0.2.99/32 via ${host.address4}`);
      await host.sh('ip addr replace 192.0.2.1/24 dev eth0');
      const { stdout } = await host.exec(['sh', '-c', 'grep -c . /proc/net/snmp; awk \'/^Ip:/ {n++} n==2 {print $7; exit}\' /proc/net/snmp']);
      const before = Number(stdout.trim().split('\n').at(-1));
      await host.outside.canReach('192.0.2.99', 9, { timeoutMs: 300 });
      const after = Number((await host.sh("awk '/^Ip:/ {n++} n==2 {print $7; exit}' /proc/net/snmp")).trim());
      await host.sh('ip addr del 192.0.2.1/24 dev eth0');
      await host.outside.sh('ip route del 192.0.2.99/32');
      return after > before;
    };
    assert.equal(await routes(), false);
    await lab();
    assert.equal((await host.sh('cat /proc/sys/net/ipv4/ip_forward')).trim(), '0');
    await works();
  });

  it('shows what a request would do, and does nothing', async () => {
    await lab();
    const before = await host.snapshot();
    await assert.rejects(remote.controller.createSandbox({ name: 'other', networks: [{ network: 'nowhere' }] }), { code: 'NOT_FOUND' });
    await assert.rejects(remote.controller.createSandbox({ name: 'other', networks: [{ network: 'blue', ipv4: '10.9.0.2' }] }), { code: 'EXISTS' });
    await assert.rejects(remote.controller.createSandbox({ name: 'other', networks: [{ network: 'blue' }], ports: [{ protocol: 'tcp', containerPort: 1, hostPort: 8080 }] }), { code: 'IN_USE' });
    await assert.rejects(remote.controller.removeNetwork('blue'), { code: 'IN_USE' });
    assert.deepEqual(difference(before, await host.snapshot()), []);
  });
});
