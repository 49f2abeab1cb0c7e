import assert from 'node:assert/strict';
import { ENDPOINT, IPV4, IPV6, NETWORK, endpoint, ids, join, network, networkCalls, ports, type Body } from '../support/docker-calls.ts';
import { TestDoors } from '../support/docker-doors.ts';

const OTHER = 'c3'.repeat(32);

describe('the network driver door', () => {
  let doors: TestDoors;

  beforeEach(async () => {
    doors = await TestDoors.open();
  });

  afterEach(() => doors[Symbol.asyncDispose]());

  const { call, ok, refusal } = networkCalls(() => doors);
  const check = (options: Body): Promise<Body> => call('GwAllocCheck', { Options: { 'com.docker.network.generic': options } });
  const joined = async (options: Body, more: Body = {}, address?: Body): Promise<Body> => {
    await ok('CreateNetwork', network(options, more));
    await ok('CreateEndpoint', endpoint({}, address));
    const { Gateway, GatewayIPv6, DisableGatewayService } = await ok('Join', join);
    return { Gateway, GatewayIPv6, DisableGatewayService };
  };

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
      ['an unknown option of ours', network({ 'tsbridge.publsher': 'engine' }), /^unknown option 'tsbridge\.publsher': there are tsbridge\.publisher=driver\|engine and tsbridge\.dns=sandbox\|gateway$/],
      ['a publisher that there is not', network({ 'tsbridge.publisher': 'nobody' }), /^option tsbridge\.publisher='nobody': must be driver or engine$/],
      ['an option without a value', network({ 'com.docker.network.driver.mtu': { a: 1 } }), /^option 'com\.docker\.network\.driver\.mtu' must be a text, number or boolean$/],
      ['a mistyped option', network({ mtu: '1400' }), /^unknown bridge option 'mtu': did you mean com\.docker\.network\.driver\.mtu\?$/],
      ['a bridge name of 16 characters', network({ 'com.docker.network.bridge.name': 'a234567890123456' }), /^bridge name 'a234567890123456' is not allowed: use 1 to 15 /],
      ['a bridge name with more in it', network({ 'com.docker.network.bridge.name': 'a; flush ruleset' }), /^bridge name 'a; flush ruleset' is not allowed/],
      ['a bridge name of several lines', network({ 'com.docker.network.bridge.name': 'a\nb"' }), /^bridge name 'a\\nb"' is not allowed/],
      ['no addresses', network({}, { IPv4Data: [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }] }), /^a bridge network needs a subnet, and got '0\.0\.0\.0\/0': use --ipam-driver default or tsipam, or -o tsbridge\.ipam=dhcp$/],
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
      doors.kernel.model.addNamespace(String(join['SandboxKey']));
      assert.match(await refusal('CreateEndpoint', endpoint({}, undefined, OTHER)), /^address 10\.7\.0\.2\/24 is taken by endpoint b2b2b2b2b2b2, which is alive/);
      doors.kernel.model.removeNamespace(String(join['SandboxKey']));
      await doors.kernel.apply([{ op: 'link-delete', namespace: 'host', name: 'nsb2b2b2b2b2b2' }]);
      await ok('CreateEndpoint', endpoint({}, undefined, OTHER));
      assert.equal(doors.controller.engine.endpoint(ENDPOINT), undefined);
    });

    it('let a new endpoint have the address of one whose link the engine has put back, and told nobody', async () => {
      await ok('CreateEndpoint', endpoint());
      await ok('Join', join);
      await ok('CreateEndpoint', endpoint({}, undefined, OTHER));
      assert.equal(doors.controller.engine.endpoint(ENDPOINT), undefined);
      await ok('Join', { ...join, EndpointID: OTHER });
      assert.ok(doors.kernel.model.links().some(({ name }) => name === `ns${OTHER.slice(0, 12)}`));
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
