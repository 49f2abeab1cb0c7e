import assert from 'node:assert/strict';
import { TestDoors } from '../support/docker-doors.ts';

const NETWORK = 'a1'.repeat(32);
const ENDPOINT = 'b2'.repeat(32);
const OTHER = 'c3'.repeat(32);
const KEY = '/var/run/docker/netns/0123456789ab';

const IPV4 = { AddressSpace: 'LocalDefault', Pool: '10.7.0.0/24', Gateway: '10.7.0.1/24' };
const IPV6 = { AddressSpace: 'LocalDefault', Pool: 'fd00:7::/64', Gateway: 'fd00:7::1/64' };

type Body = Readonly<Record<string, unknown>>;

function network(options: Body = {}, more: Body = {}): object {
  return { NetworkID: NETWORK, Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': options }, IPv4Data: [IPV4], IPv6Data: [], ...more };
}

function endpoint(options: Body | null = {}, address: Body = { Address: '10.7.0.2/24', AddressIPv6: '', MacAddress: '' }, id = ENDPOINT): object {
  return { NetworkID: NETWORK, EndpointID: id, Interface: address, Options: options };
}

const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
const join = { ...ids, SandboxKey: KEY, Options: {} };

function ports(...list: Body[]): object {
  const entries = list.map((entry) => ({ Proto: 6, IP: '', HostIP: '', HostPort: 0, HostPortEnd: 0, ...entry }));
  return { ...ids, Options: { 'com.docker.network.portmap': entries, 'com.docker.network.endpoint.exposedports': [] } };
}

describe('the network driver door', () => {
  let doors: TestDoors;

  beforeEach(async () => {
    doors = await TestDoors.open();
  });

  afterEach(() => doors[Symbol.asyncDispose]());

  const call = (method: string, body: object): Promise<Body> => doors.call(`NetworkDriver.${method}`, body);
  const ok = async (method: string, body: object): Promise<Body> => {
    const reply = await call(method, body);
    assert.equal(reply['Err'], undefined, `${method}: ${String(reply['Err'])}`);
    return reply;
  };
  const check = (options: Body): Promise<Body> => call('GwAllocCheck', { Options: { 'com.docker.network.generic': options } });
  const joined = async (options: Body, more: Body = {}, address?: Body): Promise<Body> => {
    await ok('CreateNetwork', network(options, more));
    await ok('CreateEndpoint', endpoint({}, address));
    const { Gateway, GatewayIPv6, DisableGatewayService } = await ok('Join', join);
    return { Gateway, GatewayIPv6, DisableGatewayService };
  };
  const published = (): string[] => doors.controller.ports().map(({ protocol, containerPort, hostAddress = '*', hostPort }) => `${hostAddress}:${hostPort}->${containerPort}/${protocol}`);
  const refusal = async (method: string, body: object): Promise<string> => String((await call(method, body))['Err']);

  describe('CreateNetwork', () => {
    it('makes a network under a name that it can have until the real one is known', async () => {
      await ok('CreateNetwork', network({ 'com.docker.network.driver.mtu': '1400' }));
      const [made] = doors.controller.networks();
      assert.equal(made?.id, NETWORK);
      assert.equal(made.name, 'docker-a1a1a1a1a1a1');
      assert.equal(made.owner, 'engine');
      assert.equal(made.mtu, 1400);
      assert.deepEqual(made.ipv4, [{ subnet: '10.7.0.0/24', gateway: '10.7.0.1', auxiliary: {} }]);
      assert.deepEqual(doors.kernel.model.links().find(({ name }) => name === 'br-a1a1a1a1a1a1')?.addresses, ['10.7.0.1/24']);
    });

    it('takes options that an API client sends as numbers, booleans and null', async () => {
      await ok('CreateNetwork', network({ 'com.docker.network.driver.mtu': 1300, 'com.docker.network.bridge.enable_icc': false, 'com.docker.network.host_ipv4': null }));
      assert.deepEqual(doors.controller.network(NETWORK).options, { 'com.docker.network.driver.mtu': '1300', 'com.docker.network.bridge.enable_icc': 'false' });
    });

    it('takes null for everything that may be left out', async () => {
      await ok('CreateNetwork', { NetworkID: NETWORK, Options: null, IPv4Data: [{ ...IPV4, AuxAddresses: null }], IPv6Data: null });
      await ok('CreateEndpoint', endpoint(null));
      await ok('ProgramExternalConnectivity', { ...ids, Options: null });
    });

    it('makes internal networks, IPv6 and auxiliary addresses', async () => {
      const options = { 'com.docker.network.enable_ipv6': true, 'com.docker.network.internal': true, 'com.docker.network.generic': {} };
      await ok('CreateNetwork', { NetworkID: NETWORK, Options: options, IPv4Data: [{ ...IPV4, AuxAddresses: { router: '10.7.0.5/24' } }], IPv6Data: [IPV6] });
      const made = doors.controller.network(NETWORK);
      assert.equal(made.internal, true);
      assert.deepEqual(made.ipv4[0]?.auxiliary, { router: '10.7.0.5' });
      assert.deepEqual(made.ipv6, [{ subnet: 'fd00:7::/64', gateway: 'fd00:7::1', auxiliary: {} }]);
    });

    const refused: [string, object, RegExp][] = [
      ['an unknown option of ours', network({ 'tsbridge.publsher': 'engine' }), /^unknown option 'tsbridge\.publsher': there is tsbridge\.publisher=driver\|engine$/],
      ['a publisher that there is not', network({ 'tsbridge.publisher': 'nobody' }), /^option tsbridge\.publisher='nobody': must be driver or engine$/],
      ['an option without a value', network({ 'com.docker.network.driver.mtu': { a: 1 } }), /^option 'com\.docker\.network\.driver\.mtu' must be a text, number or boolean$/],
      ['a mistyped option', network({ mtu: '1400' }), /^unknown bridge option 'mtu': did you mean com\.docker\.network\.driver\.mtu\?$/],
      ['a bridge name of 16 characters', network({ 'com.docker.network.bridge.name': 'a234567890123456' }), /^bridge name 'a234567890123456' is not allowed: use 1 to 15 /],
      ['a bridge name with more in it', network({ 'com.docker.network.bridge.name': 'a; flush ruleset' }), /^bridge name 'a; flush ruleset' is not allowed/],
      ['a bridge name of several lines', network({ 'com.docker.network.bridge.name': 'a\nb"' }), /^bridge name 'a\\nb"' is not allowed/],
      ['no addresses', network({}, { IPv4Data: [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }] }), /^a bridge network needs a subnet, and got '0\.0\.0\.0\/0': use --ipam-driver default or tsipam$/],
      ['a subnet that is none', network({}, { IPv4Data: [{ Pool: '10.7.0.0/24; x', Gateway: '10.7.0.1/24' }] }), /is not a subnet/],
      ['two subnets of a family', network({}, { IPv4Data: [IPV4, { Pool: '10.8.0.0/24', Gateway: '10.8.0.1/24' }] }), /has 2 IPv4 subnets: a bridge network takes one of each family$/],
      ['a subnet that the host reaches directly', network({}, { IPv4Data: [{ Pool: '172.17.5.0/24', Gateway: '172.17.5.1/24' }] }), /^subnet 172\.17\.5\.0\/24 overlaps 172\.17\.0\.0\/16, which this host reaches directly/],
    ];
    for (const [what, body, message] of refused) {
      it(`refuses ${what}, and nothing is left`, async () => {
        assert.match(await refusal('CreateNetwork', body), message);
        assert.deepEqual(doors.left(), []);
      });
    }

    for (const key of ['bridge.gateway_mode_ipv4', 'bridge.gateway_mode_ipv6', 'bridge.host_binding_ipv4', 'host_ipv4', 'host_ipv6', 'bridge.trusted_host_interfaces']) {
      it(`refuses ${key} where the engine publishes`, async () => {
        const message = await refusal('CreateNetwork', network({ 'tsbridge.publisher': 'engine', [`com.docker.network.${key}`]: 'nat' }));
        assert.equal(message, `option com.docker.network.${key} means nothing with tsbridge.publisher=engine, where containers lead out through docker_gwbridge: leave one of the two away`);
      });
    }

    it('refuses to go without masquerade where the engine publishes, and only that', async () => {
      assert.match(await refusal('CreateNetwork', network({ 'tsbridge.publisher': 'engine', 'com.docker.network.bridge.enable_ip_masquerade': 'false' })), /enable_ip_masquerade means nothing/);
      await ok('CreateNetwork', network({ 'tsbridge.publisher': 'engine', 'com.docker.network.bridge.enable_ip_masquerade': 'true' }));
    });

    it('leaves nothing when the kernel refuses', async () => {
      doors.kernel.failOn((op) => op.op === 'address-add');
      assert.match(await refusal('CreateNetwork', network()), /EPERM/);
      assert.deepEqual(doors.left(), []);
      await ok('CreateNetwork', network());
    });
  });

  it('wastes no gateway address on a network without one', async () => {
    assert.deepEqual(await check({}), { SkipIPv4: false, SkipIPv6: false });
    assert.deepEqual(await check({ 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' }), { SkipIPv4: true, SkipIPv6: false });
  });

  describe('CreateEndpoint and Join', () => {
    beforeEach(() => ok('CreateNetwork', network()));

    it('give a MAC address to one that came without, the same each time', async () => {
      const first = await ok('CreateEndpoint', endpoint());
      assert.match(String((first['Interface'] as Body)['MacAddress']), /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
      assert.deepEqual(await ok('CreateEndpoint', endpoint()), first);
    });

    it('give the next one at the same address the same MAC address, and another one to another', async () => {
      const mac = async (id: string, Address: string): Promise<unknown> => (await ok('CreateEndpoint', endpoint({}, { Address, AddressIPv6: '', MacAddress: '' }, id)))['Interface'];
      const first = await mac(ENDPOINT, '10.7.0.2/24');
      await ok('DeleteEndpoint', ids);
      assert.deepEqual(await mac(OTHER, '10.7.0.2/24'), first);
      assert.notDeepEqual(await mac(ENDPOINT, '10.7.0.3/24'), first);
    });

    it('never send a field back that the engine had filled itself', async () => {
      assert.deepEqual(await ok('CreateEndpoint', endpoint({}, { Address: '10.7.0.2/24', AddressIPv6: '', MacAddress: '02:00:00:00:00:07' })), {});
      assert.equal(doors.controller.engine.endpoint(ENDPOINT)?.mac, '02:00:00:00:00:07');
    });

    it('understand a MAC address in the form of Go', async () => {
      const reply = await ok('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.macaddress': 'AgAAAAAH' }));
      assert.deepEqual(reply, { Interface: { MacAddress: '02:00:00:00:00:07' } });
    });

    it('hand the far end of a veth pair over, with name prefix and gateway', async () => {
      await ok('CreateEndpoint', endpoint());
      assert.deepEqual(await ok('Join', join), {
        InterfaceName: { SrcName: 'nsb2b2b2b2b2b2', DstPrefix: 'eth', DstName: '' },
        Gateway: '10.7.0.1',
        GatewayIPv6: '',
        StaticRoutes: [],
        DisableGatewayService: false,
      });
      const names = new Set(doors.kernel.model.links().map(({ name }) => name));
      assert.ok(names.has('nsb2b2b2b2b2b2') && names.has('vethb2b2b2b2b2b'));
    });

    it('pass the name on that the user wants for the interface', async () => {
      await ok('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.ifname': 'lan0' }));
      assert.deepEqual((await ok('Join', join))['InterfaceName'], { SrcName: 'nsb2b2b2b2b2b2', DstPrefix: 'eth', DstName: 'lan0' });
    });

    it('keep sysctls of the endpoint and refuse what nobody knows', async () => {
      assert.match(await refusal('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.ifname': 'a'.repeat(16) })), /^interface name 'a{16}' is not allowed/);
      assert.match(await refusal('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.sysctls': 'kernel.x=1' })), /^endpoint sysctl 'kernel\.x=1'/);
      assert.match(await refusal('CreateEndpoint', endpoint({ 'tsbridge.x': '1' })), /^unknown endpoint option 'tsbridge\.x'/);
      const sysctls = 'net.ipv4.conf.IFNAME.log_martians=1';
      await ok('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.sysctls': sysctls, 'com.docker.network.portmap': [], 'com.docker.network.endpoint.dnsservers': ['1.1.1.1'] }));
      assert.deepEqual(doors.controller.engine.endpoint(ENDPOINT)?.options, { 'com.docker.network.endpoint.sysctls': sysctls });
      // As docker's client writes it.
      await ok('CreateEndpoint', endpoint({ 'com.docker.network.endpoint.sysctls': sysctls.toLowerCase() }, { Address: '10.7.0.3/24', AddressIPv6: '', MacAddress: '' }, OTHER));
    });

    it('refuse addresses that are none, and endpoints of networks that there are not', async () => {
      assert.match(await refusal('CreateEndpoint', endpoint({}, { Address: '10.7.0.2 } ; x', AddressIPv6: '', MacAddress: '' })), /is not a subnet/);
      assert.match(await refusal('CreateEndpoint', endpoint({}, { Address: '', AddressIPv6: '', MacAddress: '01:00:00:00:00:01' })), /is a multicast one/);
      assert.match(await refusal('CreateEndpoint', { ...endpoint(), NetworkID: OTHER }), /^no such network 'c3/);
      assert.match(await refusal('Join', join), /^no such endpoint 'b2/);
    });

    it('let a new endpoint have the address of a dead one, and not that of a living one', async () => {
      await ok('CreateEndpoint', endpoint());
      await ok('Join', join);
      assert.match(await refusal('CreateEndpoint', endpoint({}, undefined, OTHER)), /^address 10\.7\.0\.2\/24 is taken by endpoint b2b2b2b2b2b2, which is alive/);
      const far = doors.kernel.model.links().find(({ name }) => name === 'nsb2b2b2b2b2b2');
      await doors.kernel.apply([{ op: 'link-delete', namespace: 'host', name: far?.name ?? '' }]);
      await ok('CreateEndpoint', endpoint({}, undefined, OTHER));
      assert.equal(doors.controller.engine.endpoint(ENDPOINT), undefined);
    });
  });

  describe('the way out', () => {
    const both = { Address: '10.7.0.2/24', AddressIPv6: 'fd00:7::2/64', MacAddress: '' };

    it('is the gateway of both families', async () => {
      assert.deepEqual(await joined({}, { IPv6Data: [IPV6] }, both), { Gateway: '10.7.0.1', GatewayIPv6: 'fd00:7::1', DisableGatewayService: false });
    });

    it('is the auxiliary address DefaultGatewayIPv4 where there is one', async () => {
      const data = [{ ...IPV4, AuxAddresses: { DefaultGatewayIPv4: '10.7.0.254/24' } }];
      assert.deepEqual(await joined({}, { IPv4Data: data }), { Gateway: '10.7.0.254', GatewayIPv6: '', DisableGatewayService: false });
    });

    it('is none in an internal network, and docker_gwbridge is not one either', async () => {
      const options = { 'com.docker.network.internal': true, 'com.docker.network.generic': {} };
      assert.deepEqual(await joined({}, { Options: options, IPv6Data: [IPV6] }, both), { Gateway: '', GatewayIPv6: '', DisableGatewayService: true });
    });

    it('of routed IPv6 leads to no port of the host', async () => {
      await joined({ 'com.docker.network.bridge.gateway_mode_ipv6': 'routed' }, { IPv6Data: [IPV6] }, both);
      await ok('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080 }, { Port: 81, HostIP: '::1', HostPort: 8081 }));
      assert.deepEqual(doors.controller.ports().map(({ hostAddress, hostPort, containerPort }) => [hostAddress, hostPort, containerPort]), [['0.0.0.0', 8080, 80], ['::', 0, 80], ['::', 0, 81]]);
      assert.deepEqual(doors.kernel.boundPorts, ['tcp/8080']);
    });

    it('is left to docker_gwbridge where the engine publishes', async () => {
      assert.deepEqual(await joined({ 'tsbridge.publisher': 'engine' }, { IPv6Data: [IPV6] }, both), { Gateway: '', GatewayIPv6: '', DisableGatewayService: false });
      await ok('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080, HostPortEnd: 8080 }));
      assert.deepEqual(doors.controller.ports(), []);
    });
  });

  describe('ProgramExternalConnectivity', () => {
    beforeEach(async () => {
      await ok('CreateNetwork', network());
      await ok('CreateEndpoint', endpoint());
      await ok('Join', join);
    });

    it('publishes every form of -p', async () => {
      await ok(
        'ProgramExternalConnectivity',
        ports(
          { Port: 80, HostPort: 8080, HostPortEnd: 8080 },
          { Port: 81, HostIP: '127.0.0.1', HostPort: 8081, HostPortEnd: 8081, Proto: 17 },
          { Port: 82, HostPort: 8090, HostPortEnd: 8099 },
          { Port: 83, HostIP: '::1', HostPort: 8083, HostPortEnd: 8083 },
          { Port: 84 },
        ),
      );
      assert.deepEqual(published(), ['*:8080->80/tcp', '127.0.0.1:8081->81/udp', '*:8090->82/tcp', '::1:8083->83/tcp', '*:32768->84/tcp']);
    });

    it('takes one port for both families where a client names both', async () => {
      await ok('ProgramExternalConnectivity', ports({ Port: 80, HostIP: '0.0.0.0', HostPort: 8080 }, { Port: 80, HostIP: '::', HostPort: 8080 }, { Port: 81, HostIP: '::' }, { Port: 81, HostIP: '0.0.0.0' }));
      assert.deepEqual(published(), ['*:8080->80/tcp', '*:32768->81/tcp']);
    });

    it('keeps to one family where only one is named', async () => {
      await ok('ProgramExternalConnectivity', ports({ Port: 80, HostIP: '0.0.0.0', HostPort: 8080 }, { Port: 80, HostIP: '::', HostPort: 8081 }));
      assert.deepEqual(published(), ['0.0.0.0:8080->80/tcp', ':::8081->80/tcp']);
    });

    it('gives one free number to all host addresses of a port', async () => {
      await ok('ProgramExternalConnectivity', ports({ Port: 80, HostIP: '127.0.0.1' }, { Port: 81, HostIP: '127.0.0.1' }, { Port: 80, HostIP: '::1' }, { Port: 80, HostIP: '127.0.0.2' }));
      assert.deepEqual(published(), ['127.0.0.1:32768->80/tcp', '127.0.0.1:32769->81/tcp', '::1:32768->80/tcp', '127.0.0.2:32768->80/tcp']);
    });

    it('says which two bindings ask for the same port', async () => {
      assert.equal(await refusal('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080 }, { Port: 81, HostIP: '127.0.0.1', HostPort: 8080 })), '8080:80/tcp and 127.0.0.1:8080:81/tcp ask for the same host port: give one of them another');
    });

    describe('where one endpoint leads out for IPv4 and another for IPv6', () => {
      const SIX = 'd4'.repeat(32);
      const six = { NetworkID: SIX, EndpointID: OTHER };
      const program = (at: object, split: boolean, ...list: Body[]): Promise<Body> => {
        const body = ports(...list) as { Options: object };
        return ok('ProgramExternalConnectivity', { ...body, ...at, Options: { ...body.Options, 'com.docker.network.driver.private.no_proxy_6to4': split } });
      };
      const everything = [{ Port: 80, HostPort: 8080 }, { Port: 81, HostIP: '::1', HostPort: 8081 }, { Port: 82, HostIP: '127.0.0.1', HostPort: 8082 }];
      const shared = ['0.0.0.0:8080->80/tcp', '127.0.0.1:8082->82/tcp', '::1:8081->81/tcp', ':::8080->80/tcp'];
      const twins = async (Address: string): Promise<void> => {
        const IPv4Data = Address === '' ? [] : [{ Pool: '10.8.0.0/24', Gateway: '10.8.0.1/24' }];
        await ok('CreateNetwork', { NetworkID: SIX, Options: {}, IPv4Data, IPv6Data: [IPV6] });
        await ok('CreateEndpoint', { ...six, Interface: { Address, AddressIPv6: 'fd00:7::2/64', MacAddress: '' }, Options: {} });
        await ok('Join', { ...join, ...six });
      };

      it('each takes its family, as engine 28 asks', async () => {
        await twins('');
        await program(ids, false, ...everything);
        await ok('RevokeExternalConnectivity', ids);
        await program(ids, true, ...everything);
        await program(six, true, ...everything);
        assert.deepEqual(published().toSorted(), shared);
      });

      it('one that had both gives the other its family, as engine 29 asks, in whatever order', async () => {
        await twins('10.8.0.2/24');
        await program(six, false, ...everything);
        assert.deepEqual(published(), ['*:8080->80/tcp', '::1:8081->81/tcp', '127.0.0.1:8082->82/tcp']);
        await program(ids, true, ...everything);
        assert.deepEqual(published().toSorted(), shared);
        await program(six, false, ...everything);
        assert.deepEqual(published().toSorted(), shared);
        await ok('RevokeExternalConnectivity', ids);
        await program(six, false, ...everything);
        assert.deepEqual(published(), ['*:8080->80/tcp', '::1:8081->81/tcp', '127.0.0.1:8082->82/tcp']);
      });
    });

    it('names the port that is taken, takes none then, and gives all back at whatever comes first', async () => {
      doors.kernel.busyPorts.add('tcp/8081');
      assert.match(await refusal('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080 }, { Port: 81, HostPort: 8081 })), /port 8081 is in use/);
      assert.deepEqual(doors.kernel.boundPorts, []);
      for (const method of ['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']) {
        await ok('CreateEndpoint', endpoint());
        await ok('Join', join);
        await ok('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080 }));
        assert.deepEqual(doors.kernel.boundPorts, ['tcp/8080']);
        await ok(method, ids);
        assert.deepEqual(doors.kernel.boundPorts, [], method);
        assert.deepEqual(published(), [], method);
      }
    });

    it('refuses what cannot be published', async () => {
      assert.match(await refusal('ProgramExternalConnectivity', ports({ Port: 80, Proto: 47 })), /^IP protocol 47 cannot be published: tcp, udp and sctp can$/);
      assert.match(await refusal('ProgramExternalConnectivity', ports({ Port: 0 })), /^port 0 of a container cannot be published$/);
      assert.match(await refusal('ProgramExternalConnectivity', ports({ Port: 80, HostIP: '1.2.3' })), /is not an IP address/);
      assert.match(await refusal('ProgramExternalConnectivity', ports({ Port: 70_000 })), /^the engine's list of ports cannot be understood/);
    });
  });

  it('takes away what is not there', async () => {
    for (const method of ['Leave', 'DeleteEndpoint', 'RevokeExternalConnectivity']) {
      assert.deepEqual(await call(method, ids), {}, method);
      assert.deepEqual(await call(method, { NetworkID: null, EndpointID: '../x' }), {}, method);
    }
    assert.deepEqual(await call('DeleteNetwork', { NetworkID: NETWORK }), {});
    assert.deepEqual(await call('FreeNetwork', { NetworkID: NETWORK }), {});
    assert.deepEqual(await call('EndpointOperInfo', ids), { Value: {} });
  });

  it('removes a network with the endpoints that the engine has forgotten in it', async () => {
    await ok('CreateNetwork', network());
    await ok('CreateEndpoint', endpoint());
    await ok('Join', join);
    await ok('ProgramExternalConnectivity', ports({ Port: 80, HostPort: 8080 }));
    await ok('DeleteNetwork', { NetworkID: NETWORK });
    assert.deepEqual(doors.left(), []);
  });
});
