import assert from 'node:assert/strict';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import type { PortView } from '../../src/controller/views.ts';
import type { PortBinding } from '../../src/ports/spec.ts';
import { PrivateHost } from '../support/host.ts';
import { rejects } from '../support/refusal.ts';
import { RemoteController } from '../support/remote-controller.ts';

const BRIDGE = 'com.docker.network.bridge';
const SUBNETS = ['10.9.0.0/24', 'fd00:9::/64'];
const WEB: PortBinding = { protocol: 'tcp', containerPort: 80, hostPort: 8080 };

/** As `netctl port` has them: HOST:PORT -> PORT/PROTOCOL, 0 where there is no host port. */
const words = (ports: readonly PortView[]): string[] =>
  ports.map(({ hostAddress = '*', hostPort, containerPort, protocol }) => `${hostAddress}:${hostPort} -> ${containerPort}/${protocol}`);

describe('published ports', () => {
  let host: PrivateHost;
  let remote: RemoteController;

  before(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
  });

  after(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    remote = await remote.cleared(host, { force: true });
  });

  const network = (name: string, options: Readonly<Record<string, string>> = {}, more: Partial<NetworkRequest> = { subnets: SUBNETS }): Promise<unknown> =>
    remote.controller.createNetwork({ name, ...more, options: Object.fromEntries(Object.entries(options).map(([key, value]) => [`${BRIDGE}.${key}`, value])) });

  const sandbox = (name: string, ports: readonly PortBinding[], networks: readonly string[] = ['blue']): Promise<unknown> =>
    remote.controller.createSandbox({ name, networks: networks.map((one) => ({ network: one })), ports });

  const listed = async (): Promise<string[]> => words(await remote.controller.ports());

  describe('two thousand of them', () => {
    const many = Array.from({ length: 1000 }, (_, at) => (['tcp', 'udp'] as const).map((protocol): PortBinding => ({ protocol, containerPort: 1000 + at, hostPort: 10_000 + at }))).flat();

    it('take a moment to come and to go, and lead where they should', async () => {
      await network('blue');
      const started = performance.now();
      await sandbox('web', many);
      const published = performance.now();
      await using servers = new AsyncDisposableStack();
      for (const port of [1000, 1999]) for (const protocol of ['tcp', 'udp'] as const) servers.use(await host.netns('web').serve(port, protocol, 'web'));
      for (const port of [10_000, 10_999]) for (const proto of ['tcp', 'udp'] as const) assert.equal(await host.outside.canReach(host.address4, port, { proto }), true, `${port}/${proto}`);
      assert.equal(await host.canReach('::1', 10_999), true);
      const leaving = performance.now();
      await remote.controller.removeSandbox('web');
      const gone = performance.now();
      // One by one they took 5 s and more, each way.
      assert.ok(published - started < 2500, `published in ${published - started} ms`);
      assert.ok(gone - leaving < 2500, `gone in ${gone - leaving} ms`);
    });

    it('come all or not at all, and who has a busy one is said', async () => {
      await network('blue');
      {
        await using other = await host.serve(10_999, 'udp', 'other');
        await rejects(sandbox('web', many), 'IN_USE', /udp .*:10999 is in use by another program/);
        assert.equal(other.port, 10_999);
      }
      await sandbox('first', [{ protocol: 'udp', containerPort: 1, hostPort: 10_999 }]);
      await rejects(sandbox('web', many), 'IN_USE', /10999\/udp is published by 'first' already/);
      assert.deepEqual(await listed(), ['*:10999 -> 1/udp']);
      await using free = await host.serve(10_000, 'tcp', 'free');
      assert.equal(free.port, 10_000);
    });

    it('find free numbers beside those that are asked for by name', async () => {
      await network('blue');
      await using busy = await host.serve(20_000, 'tcp', 'busy');
      assert.equal(busy.port, 20_000);
      const range = Array.from({ length: 9 }, (): PortBinding => ({ protocol: 'tcp', containerPort: 80, hostPort: 20_000, hostPortEnd: 20_010 }));
      const anyFree = Array.from({ length: 500 }, (_, at): PortBinding => ({ protocol: 'tcp', containerPort: 1000 + at }));
      await sandbox('web', [...anyFree, ...range, { protocol: 'tcp', containerPort: 81, hostPort: 20_005 }]);
      const numbers = (await remote.controller.ports()).map(({ hostPort }) => hostPort);
      assert.equal(new Set(numbers).size, 510);
      assert.deepEqual(numbers.slice(500), [20_001, 20_002, 20_003, 20_004, 20_006, 20_007, 20_008, 20_009, 20_010, 20_005]);
      await rejects(sandbox('other', range.slice(0, 1)), 'EXHAUSTED', /20000 to 20010/);
    });
  });

  describe('of a network with NAT for IPv4 and routed IPv6', () => {
    it('are at host addresses for IPv4 only, and at the endpoint for IPv6', async () => {
      await network('blue', { gateway_mode_ipv6: 'routed' });
      await sandbox('web', [WEB]);
      await using web = await host.netns('web').serve(80, 'tcp', 'web');
      assert.equal(web.port, 80);
      assert.equal(await host.outside.canReach(host.address4, 8080), true);
      assert.equal((await host.outside.probe(host.address6, 8080)).outcome, 'refused');
      assert.equal((await host.probe('::1', 8080)).outcome, 'refused');
      await host.outside.sh(`ip -6 route add fd00:9::/64 via ${host.address6}`);
      assert.equal(await host.outside.canReach('fd00:9::2', 80), true);
      await host.outside.sh('ip -6 route del fd00:9::/64');
      assert.deepEqual(await listed(), ['0.0.0.0:8080 -> 80/tcp', ':::0 -> 80/tcp']);
      // Nobody has it for IPv6.
      await using other = await host.serve(8080, 'tcp', 'other', { address: host.address6 });
      assert.equal(other.port, 8080);
    });

    it('are at host addresses for IPv6 only, the other way round', async () => {
      await network('blue', { gateway_mode_ipv4: 'routed' });
      await sandbox('web', [WEB, { ...WEB, protocol: 'udp', hostPort: 5353, hostAddress: '127.0.0.1' }]);
      await using web = await host.netns('web').serve(80, 'tcp', 'web');
      assert.equal(web.port, 80);
      assert.equal(await host.outside.canReach(host.address6, 8080), true);
      assert.equal(await host.canReach('::1', 8080), true);
      assert.equal((await host.outside.probe(host.address4, 8080)).outcome, 'refused');
      assert.deepEqual(await listed(), [':::8080 -> 80/tcp', '0.0.0.0:0 -> 80/tcp', '0.0.0.0:0 -> 80/udp']);
      await using other = await host.serve(5353, 'udp', 'other', { address: '127.0.0.1' });
      assert.equal(other.port, 5353);
    });

    it('follow the way out to a network that has NAT for both, and back, also over a restart', async () => {
      await network('blue', { gateway_mode_ipv6: 'routed' });
      await network('green', {}, { subnets: ['10.10.0.0/24', 'fd00:10::/64'] });
      await sandbox('web', [WEB]);
      await using web = await host.netns('web').serve(80, 'tcp', 'web');
      assert.equal(web.port, 80);
      await remote.controller.connect('web', { network: 'green', gatewayPriority: 10 });
      assert.deepEqual(await listed(), ['*:8080 -> 80/tcp']);
      for (const address of [host.address4, host.address6]) assert.equal(await host.outside.canReach(address, 8080), true, address);
      await remote.kill9();
      remote = await RemoteController.start(host);
      assert.equal(await host.canReach('::1', 8080), true);
      await remote.controller.disconnect('web', 'green');
      assert.deepEqual(await listed(), ['0.0.0.0:8080 -> 80/tcp', ':::0 -> 80/tcp']);
      assert.equal(await host.outside.canReach(host.address4, 8080), true);
      assert.equal((await host.outside.probe(host.address6, 8080)).outcome, 'refused');
      await remote.kill9();
      remote = await RemoteController.start(host);
      assert.equal((await host.outside.probe(host.address6, 8080)).outcome, 'refused');
    });
  });

  describe('of a sandbox that nothing leads to', () => {
    it('are neither listed nor taken, until it comes to a network that leads out', async () => {
      const there = { ...WEB, hostPort: 8090 };
      await network('inner', {}, { subnets: SUBNETS, internal: true });
      await network('blue', {}, { subnets: ['10.10.0.0/24', 'fd00:10::/64'] });
      await sandbox('alone', [there], []);
      await sandbox('web', [there, { protocol: 'tcp', containerPort: 81 }], ['inner']);
      assert.deepEqual(await listed(), []);
      assert.deepEqual((await remote.controller.sandbox('web')).ports, []);
      {
        await using other = await host.serve(8090, 'tcp', 'other');
        assert.equal(other.port, 8090);
        await rejects(remote.controller.connect('web', { network: 'blue' }), 'IN_USE', /8090 is in use by another program/);
        assert.equal((await remote.controller.sandbox('web')).endpoints.length, 1);
      }
      await remote.controller.connect('web', { network: 'blue' });
      assert.equal((await listed())[0], '*:8090 -> 80/tcp');
      await rejects(remote.controller.connect('alone', { network: 'blue' }), 'IN_USE', /published by 'web' already/);
      await remote.controller.disconnect('web', 'blue');
      assert.deepEqual(await listed(), []);
      await remote.controller.connect('alone', { network: 'blue' });
      assert.deepEqual(await listed(), ['*:8090 -> 80/tcp']);
    });

    it('are those of the families that lead out', async () => {
      await network('four', {}, { subnets: ['10.11.0.0/24'] });
      await network('six', {}, { ipv4: false, subnets: ['fd00:11::/64'] });
      await sandbox('web', [WEB], ['six']);
      assert.deepEqual(await listed(), [':::8080 -> 80/tcp']);
      assert.equal((await host.probe('127.0.0.1', 8080)).outcome, 'refused');
      // What IPv6 clients send to an endpoint without IPv6 is passed on.
      await sandbox('old', [{ ...WEB, hostPort: 8081 }], ['four']);
      await using old = await host.netns('old').serve(80, 'tcp', 'old');
      assert.equal(old.port, 80);
      assert.equal(await host.outside.canReach(host.address6, 8081), true);
      assert.deepEqual((await listed()).slice(1), ['*:8081 -> 80/tcp']);
    });
  });

  it('of an engine lead to what was said last, by the proxy too', async () => {
    const [id, networkId] = ['e'.repeat(64), 'f'.repeat(64)];
    await remote.controller.createNetwork({ id: networkId, name: 'eng', owner: 'engine', subnets: ['10.9.0.0/24'], gateways: ['10.9.0.1'] });
    await host.sh('ip netns add box');
    await remote.engine.createEndpoint({ id, networkId, ipv4: '10.9.0.2/24', options: {} });
    const { attachment } = await remote.engine.join(id, '/run/netns/box');
    await host.sh(`ip link set ${attachment?.interface} netns box name eth0; ip -n box addr add 10.9.0.2/24 dev eth0; ip -n box link set eth0 up; ip -n box route add default via 10.9.0.1`);
    await using one = await host.netns('box').serve(80, 'tcp', 'one');
    await using two = await host.netns('box').serve(81, 'tcp', 'two');
    for (const { port } of [one, two]) {
      await remote.engine.publish(id, [{ ...WEB, containerPort: port }]);
      for (const address of ['127.0.0.1', '::1']) assert.match((await host.probe(address, 8080)).answer, port === 80 ? /^one/ : /^two/, address);
    }
    await remote.engine.deleteNetwork(networkId);
    await host.sh('ip netns del box');
  });

  it('that another program has taken meanwhile are in nobody\'s way', async () => {
    await network('blue');
    await network('inner', {}, { subnets: ['10.10.0.0/24'], internal: true });
    await sandbox('web', [{ ...WEB, hostPort: 8095 }]);
    await remote.kill9();
    {
      await using thief = await host.serve(8095, 'tcp', 'thief');
      assert.equal(thief.port, 8095);
      remote = await RemoteController.start(host);
      assert.ok((await remote.controller.diagnose()).some(({ message }) => message.includes("port 8095:80/tcp of 'web' could not be taken again")));
      await remote.controller.connect('web', { network: 'inner' });
      await remote.controller.disconnect('web', 'inner');
      assert.deepEqual(await listed(), ['*:8095 -> 80/tcp']);
    }
  });

  it('that are asked for twice in one breath are refused in words that say so', async () => {
    await network('blue');
    await rejects(sandbox('web', [WEB, { ...WEB, containerPort: 81 }]), 'INVALID', /8080:80\/tcp and 8080:81\/tcp/, /same host port/);
    await rejects(sandbox('web', [WEB, { ...WEB, containerPort: 81, hostAddress: '127.0.0.1' }]), 'INVALID', /8080:80\/tcp and 127\.0\.0\.1:8080:81\/tcp/);
    await sandbox('web', [WEB, { ...WEB, protocol: 'udp' }, { ...WEB, hostAddress: '127.0.0.1', hostPort: 8082 }, { ...WEB, hostAddress: '127.0.0.2', hostPort: 8082 }]);
    assert.equal((await listed()).length, 4);
  });

  it('of several host addresses get one free number', async () => {
    await network('blue');
    const at = (hostAddress: string, more: Partial<PortBinding> = {}): PortBinding => ({ protocol: 'tcp', containerPort: 80, hostAddress, ...more });
    // The number that a kernel would give the first address is taken at the second more often than not.
    await using taken = new AsyncDisposableStack();
    await host.sh('sysctl -qw net.ipv4.ip_local_port_range="40000 40005"');
    for (const port of [40_000, 40_001, 40_003, 40_004, 40_005]) taken.use(await host.serve(port, 'tcp', 'busy', { address: '::1' }));
    await sandbox('web', [at('127.0.0.1'), at('::1'), at('127.0.0.1', { containerPort: 81, hostPort: 40_003, hostPortEnd: 40_006 }), at('::1', { containerPort: 81, hostPort: 40_003, hostPortEnd: 40_006 })]);
    await host.sh('sysctl -qw net.ipv4.ip_local_port_range="32768 60999"');
    assert.deepEqual(await listed(), ['127.0.0.1:40002 -> 80/tcp', '::1:40002 -> 80/tcp', '127.0.0.1:40006 -> 81/tcp', '::1:40006 -> 81/tcp']);
  });
});
