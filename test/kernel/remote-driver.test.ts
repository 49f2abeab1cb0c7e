import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { Netctl } from '../support/netctl.ts';
import { PluginLab } from '../support/plugin-lab.ts';
import { SamplePlugin } from '../support/sample-plugin.ts';

describe('a Docker plugin as a driver of netctl', () => {
  let lab: PluginLab;

  before(async () => {
    lab = await PluginLab.open();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  describe('says what an engine says', () => {
    it('to make a network, attach, detach and remove', async () => {
      const id = await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '--aux-address', 'printer=10.30.0.9', '-o', 'colour=blue', 'far');
      assert.deepEqual(lab.plugin.heard().at(-1)?.body, {
        NetworkID: id,
        Options: { 'com.docker.network.generic': { colour: 'blue' }, 'com.docker.network.enable_ipv4': true, 'com.docker.network.enable_ipv6': false },
        IPv4Data: [{ AddressSpace: 'LocalDefault', Pool: '10.30.0.0/24', Gateway: '10.30.0.1/24', AuxAddresses: { printer: '10.30.0.9/24' } }],
        IPv6Data: [],
      });
      lab.plugin.forget();
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', '--driver-opt', 'speed=high', '-p', '8080:80', '--expose', '53/udp', 'web');
      assert.deepEqual(lab.plugin.methods(), ['CreateEndpoint', 'Join', 'EndpointOperInfo', 'ProgramExternalConnectivity']);
      const [created, joined, , programmed] = lab.plugin.heard();
      const ports = {
        'com.docker.network.portmap': [{ Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 }],
        'com.docker.network.endpoint.exposedports': [{ Proto: 17, Port: 53 }, { Proto: 6, Port: 80 }],
      };
      const EndpointID = String(created?.body['EndpointID']);
      assert.match(EndpointID, /^[0-9a-f]{64}$/);
      assert.deepEqual(created?.body, { NetworkID: id, EndpointID, Interface: { Address: '10.30.0.2/24', AddressIPv6: '', MacAddress: '' }, Options: { speed: 'high', ...ports } });
      assert.deepEqual(joined?.body, { NetworkID: id, EndpointID, SandboxKey: '/run/netns/web', Options: ports });
      assert.deepEqual(programmed?.body, { NetworkID: id, EndpointID, Options: ports });
      lab.plugin.forget();
      await lab.netctl.ok('network', 'disconnect', 'far', 'web');
      assert.deepEqual(lab.plugin.heard().map(({ method, body }) => [method, body]), [
        ['NetworkDriver.RevokeExternalConnectivity', { NetworkID: id, EndpointID }],
        ['NetworkDriver.Leave', { NetworkID: id, EndpointID }],
        ['NetworkDriver.DeleteEndpoint', { NetworkID: id, EndpointID }],
      ]);
      lab.plugin.forget();
      await lab.netctl.ok('network', 'rm', 'far');
      assert.deepEqual(lab.plugin.heard(), [{ method: 'NetworkDriver.DeleteNetwork', body: { NetworkID: id } }]);
    });

    it('of the gateway that moves', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
      await lab.netctl.ok('network', 'create', '--subnet', '10.31.0.0/24', 'near');
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
      lab.plugin.forget();
      await lab.netctl.ok('network', 'connect', '--gw-priority', '5', 'near', 'web');
      assert.deepEqual(await eventually(async () => lab.plugin.methods(), (methods) => methods.length > 0), ['RevokeExternalConnectivity']);
      assert.match(await lab.host.sh('ip -n web route show default'), /via 10\.31\.0\.1/);
      lab.plugin.forget();
      await lab.netctl.ok('network', 'disconnect', 'near', 'web');
      assert.deepEqual(await eventually(async () => lab.plugin.methods(), (methods) => methods.length > 0), ['ProgramExternalConnectivity']);
      assert.match(await lab.host.sh('ip -n web route show default'), /via 10\.30\.0\.1/);
    });

    it('to one whose networks span hosts: of this one', async () => {
      await using wide = await SamplePlugin.start(lab.host, { name: 'wide', global: true });
      await lab.netctl.ok('network', 'create', '-d', 'wide', '--subnet', '10.30.0.0/24', 'far');
      assert.deepEqual(wide.methods(), ['Activate', 'GetCapabilities', 'DiscoverNew', 'CreateNetwork']);
      assert.deepEqual(wide.heard()[2]?.body, { DiscoveryType: 1, DiscoveryData: { Address: lab.host.address4, BindAddress: lab.host.address4, Self: true } });
      await lab.netctl.ok('network', 'create', '-d', 'wide', '--subnet', '10.31.0.0/24', 'farther');
      assert.deepEqual(wide.methods().slice(4), ['CreateNetwork']);
      await lab.netctl.ok('network', 'rm', 'far', 'farther');
      await lab.host.sh('rm /run/docker/plugins/wide.sock');
    });

    it('nothing of ports where nobody outside is to reach it, and takes no way out', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--internal', '--subnet', '10.30.0.0/24', 'far');
      assert.partialDeepStrictEqual(lab.plugin.heard().at(-1)?.body, { Options: { 'com.docker.network.internal': true } });
      lab.plugin.forget();
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', '-p', '80', 'web');
      assert.deepEqual(lab.plugin.methods(), ['CreateEndpoint', 'Join', 'EndpointOperInfo']);
      assert.deepEqual(lab.plugin.heard()[0]?.body['Options'], {});
      assert.equal(await lab.host.sh('ip -n web route show default'), '');
    });
  });

  describe('takes its answers', () => {
    it('as an interface with addresses, MAC address and routes, by which packets pass', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '--ipv6', '--subnet', 'fd00:30::/64', '-o', 'routes=192.0.2.0/24@10.30.0.7 198.51.100.0/24', 'far');
      for (const name of ['one', 'two']) await lab.netctl.ok('sandbox', 'create', '--network', 'far', ...(name === 'two' ? ['--mac', '02:00:00:00:00:22', '--ip', '10.30.0.22'] : []), name);
      await lab.pings('one', '10.30.0.22');
      await lab.pings('one', 'fd00:30::3');
      await lab.pings('one', '10.30.0.1');
      const link = await lab.host.sh('ip -n two addr show plug0');
      assert.match(link, /link\/ether 02:00:00:00:00:22 [^]*inet 10\.30\.0\.22\/24 [^]*inet6 fd00:30::3\/64 /);
      assert.match(await lab.host.sh('ip -n one route'), /^default via 10\.30\.0\.1 dev plug0 \n10\.30\.0\.0\/24 [^]*192\.0\.2\.0\/24 via 10\.30\.0\.7 dev plug0 \n198\.51\.100\.0\/24 dev plug0 scope link/);
      assert.match(await lab.host.sh('ip -n one -6 route'), /^default via fd00:30::1 dev plug0/m);
      const [far] = await lab.netctl.json<{ endpoints: { mac: string; interface: string; gatewayFor: number[] }[] }[]>('network', 'inspect', 'far');
      const mac = await lab.host.sh("ip -n one -br link show plug0 | tr -s ' ' | cut -d' ' -f3");
      assert.deepEqual(far?.endpoints.map((endpoint) => [endpoint.interface, endpoint.gatewayFor, endpoint.mac])[0], ['plug0', [4, 6], mac]);
    });

    it('also a MAC address, an address where nobody else gives one, a name', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--ipam', 'null', '-o', 'address=10.40.0.8/24', '-o', 'mac=02:00:00:00:00:40', '-o', 'prefix=lan', 'far');
      assert.deepEqual(lab.plugin.heard().at(-1)?.body['IPv4Data'], [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }]);
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
      assert.match(await lab.host.sh('ip -n web addr show lan0'), /link\/ether 02:00:00:00:00:40 [^]*inet 10\.40\.0\.8\/24 /);
      assert.match(await lab.netctl.ok('sandbox', 'ls'), /web/);
    });

    it('and leaves alone what it has furnished itself', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'inside=yes', 'far');
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
      assert.match(await lab.host.sh('ip -n web -br link'), /^inside0@/m);
      assert.doesNotMatch(await lab.doctor(), /^error/m);
      await lab.netctl.ok('network', 'disconnect', 'far', 'web');
      assert.doesNotMatch(await lab.host.sh('ip -n web -br link'), /inside0/);
    });
  });

  describe('gives addresses', () => {
    it('to its own networks, with gateway, auxiliary addresses and wishes', async () => {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--ipam', 'sample', '--ipam-opt', 'rack=7', '--subnet', '10.50.0.0/24', '--ip-range', '10.50.0.128/25', '--gateway', '10.50.0.250', '--aux-address', 'printer=10.50.0.9', 'far');
      const asked = lab.plugin.heard().filter(({ method }) => method.startsWith('Ipam'));
      assert.deepEqual(asked.map(({ method, body }) => [method.slice(11), body]), [
        ['GetCapabilities', {}],
        ['GetDefaultAddressSpaces', {}],
        ['RequestPool', { AddressSpace: 'here', Pool: '10.50.0.0/24', SubPool: '10.50.0.128/25', Options: { rack: '7' }, V6: false }],
        ['RequestAddress', { PoolID: '1', Address: '10.50.0.250', Options: { RequestAddressType: 'com.docker.network.gateway' } }],
        ['RequestAddress', { PoolID: '1', Address: '10.50.0.9', Options: {} }],
      ]);
      assert.deepEqual(lab.plugin.heard().at(-1)?.body['IPv4Data'], [{ AddressSpace: 'sample', Pool: '10.50.0.0/24', Gateway: '10.50.0.250/24', AuxAddresses: { printer: '10.50.0.9/24' } }]);
      lab.plugin.forget();
      await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'one');
      await lab.netctl.ok('sandbox', 'create', '--network', 'far,ip=10.50.0.77', 'two');
      const [mac] = lab.plugin.heard().map(({ body }) => (body['Options'] as Record<string, string> | undefined)?.['com.docker.network.endpoint.macaddress']);
      assert.match(await lab.host.sh('ip -n one addr show plug0'), new RegExp(`link/ether ${String(mac)} [^]*inet 10\\.50\\.0\\.1/24`));
      await lab.pings('one', '10.50.0.77');
      assert.deepEqual((await lab.plugin.holds()).addresses.toSorted(), ['10.50.0.1', '10.50.0.250', '10.50.0.77', '10.50.0.9']);
      await lab.netctl.ok('sandbox', 'rm', 'one');
      assert.deepEqual((await lab.plugin.holds()).addresses.toSorted(), ['10.50.0.250', '10.50.0.77', '10.50.0.9']);
    });

    it('to a bridge of ours, in both families, and of its own choice', async () => {
      await lab.netctl.ok('network', 'create', '--ipam', 'sample', '--ipv6', 'mixed');
      await lab.netctl.ok('sandbox', 'create', '--network', 'mixed', 'one');
      await lab.netctl.ok('sandbox', 'create', '--network', 'mixed', 'two');
      assert.match(await lab.host.sh('ip -n two addr show eth0'), /inet 10\.99\.1\.3\/24 [^]*inet6 fd99:2::3\/64 /);
      await lab.pings('one', '10.99.1.3');
      await lab.pings('one', 'fd99:2::3');
      await lab.pings('one', '10.99.1.1');
      assert.match(await lab.netctl.ok('network', 'ls'), /mixed +bridge +10\.99\.1\.0\/24, fd99:2::\/64 +2/);
      await lab.restart('SIGKILL');
      await lab.pings('one', '10.99.1.3');
      assert.deepEqual((await lab.plugin.holds()).addresses.length, 6);
    });
  });

  it('--trace prints what is said, and how long it took', async () => {
    const { stderr, stdout } = await lab.netctl.run(['--trace', 'network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far']);
    assert.match(stdout, /^[0-9a-f]{64}\n$/);
    assert.match(stderr, /^netctl: sample <- NetworkDriver\.CreateNetwork \{"NetworkID":"[0-9a-f]{64}",.*"IPv4Data":\[\{"AddressSpace":"LocalDefault","Pool":"10\.30\.0\.0\/24","Gateway":"10\.30\.0\.1\/24"\}\],"IPv6Data":\[\]\}\nnetctl: sample -> 200 \{\}, \d+\.\d ms$/m);
    const ran = await lab.netctl.run(['--trace', 'run', '--network', 'far', '--', 'ip', '-br', 'link']);
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /^plug0@/m);
    assert.deepEqual([...ran.stderr.matchAll(/^netctl: sample <- NetworkDriver\.(\w+)/gm)].map(([, method]) => method), ['CreateEndpoint', 'Join', 'EndpointOperInfo', 'ProgramExternalConnectivity', 'RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']);
    const refused = await lab.netctl.run(['--trace', 'sandbox', 'create', '--network', 'far', '--network', 'far', 'web']);
    assert.match(refused.stderr, /^netctl: sandbox 'web' is connected to network 'far' already\n$/);
    assert.equal(refused.code, 1);
  });

  it('drives a second daemon of ours, which sees an engine', async () => {
    const other = new Netctl(lab.host, ['--run-dir', '/run/other']);
    await using second = await other.daemon(['--state-dir', '/var/lib/other', '--docker-plugins', '/run/docker/plugins']);
    await lab.netctl.ok('network', 'create', '-d', 'tsbridge', '--subnet', '10.60.0.0/24', '--ipv6', '--subnet', 'fd00:60::/64', '-o', 'com.docker.network.bridge.name=br-other', 'far');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', '-p', '8080:80', 'web');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'client');
    await lab.pings('client', '10.60.0.2');
    await lab.pings('client', 'fd00:60::2');
    await using server = await lab.host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(await lab.host.outside.canReach(lab.host.address4, 8080), true, String(server.port));
    assert.match(await other.ok('network', 'ls'), /docker-[0-9a-f]{12} +bridge +10\.60\.0\.0\/24, fd00:60::\/64 +2 +docker/);
    assert.doesNotMatch(await lab.doctor(), /^error/m);
    assert.doesNotMatch(await other.ok('doctor'), /^error/m);
    for (const options of [['-d', 'tsbridge'], ['--ipam', 'tsipam']]) {
      // It would be its own engine.
      assert.match((await other.run(['network', 'create', ...options, 'loop'])).stderr, /^netctl: plugin '(tsbridge|tsipam)' is this daemon itself, as Docker engines see it: use its drivers by their own names, as -d bridge\n$/);
    }
    await lab.netctl.ok('sandbox', 'rm', 'web', 'client');
    await lab.netctl.ok('network', 'rm', 'far');
    await lab.netctl.ok('network', 'create', '--ipam', 'tsipam', 'mixed');
    await lab.netctl.ok('sandbox', 'create', '--network', 'mixed', 'web');
    await lab.pings('web', (await lab.netctl.json<{ ipv4: { gateway: string }[] }[]>('network', 'inspect', 'mixed'))[0]?.ipv4[0]?.gateway ?? '');
    await lab.netctl.ok('sandbox', 'rm', 'web');
    await lab.netctl.ok('network', 'rm', 'mixed');
    assert.doesNotMatch(await other.ok('network', 'ls'), /docker/);
    await second.kill('SIGTERM');
    await lab.host.sh('rm -r /run/other /var/lib/other');
  });
});
