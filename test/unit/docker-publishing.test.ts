import assert from 'node:assert/strict';
import { IPV6, endpoint, ids, join, network, networkCalls, ports, type Body } from '../support/docker-calls.ts';
import { TestDoors } from '../support/docker-doors.ts';

const OTHER = 'c3'.repeat(32);

describe('ProgramExternalConnectivity of the network driver door', () => {
  let doors: TestDoors;
  const { ok, refusal } = networkCalls(() => doors);
  const published = (): string[] => doors.controller.ports().map(({ protocol, containerPort, hostAddress = '*', hostPort }) => `${hostAddress}:${hostPort}->${containerPort}/${protocol}`);

  beforeEach(async () => {
    doors = await TestDoors.open();
    await ok('CreateNetwork', network());
    await ok('CreateEndpoint', endpoint());
    await ok('Join', join);
  });

  afterEach(() => doors[Symbol.asyncDispose]());

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
