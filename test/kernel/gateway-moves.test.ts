import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';
import { rejects } from '../support/refusal.ts';

const BRIDGE = 'com.docker.network.bridge';
const NET = { a: '10.9.1.0/24', b: '10.9.2.0/24' };

describe('published ports of a sandbox whose way out moves', () => {
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
    remote = await remote.cleared(host);
  });

  const make = (name: 'a' | 'b', options: Readonly<Record<string, string>> = {}): Promise<unknown> =>
    remote.controller.createNetwork({ name, subnets: [NET[name]], options: Object.fromEntries(Object.entries(options).map(([key, value]) => [`${BRIDGE}.${key}`, value])) });

  it('take their udp flows along', async () => {
    await make('a');
    await make('b');
    const ports = [{ protocol: 'udp', containerPort: 53, hostPort: 5300 }] as const;
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'a' }], ports });
    await using dns = await host.netns('web').serve(53, 'udp', 'dns', { mode: 'echo' });
    assert.equal(dns.port, 53);
    // one client that never closes its socket, as a resolver
    await using client = await host.outside.connect(host.address4, 5300, { proto: 'udp' });
    assert.notEqual(await client.send('one'), '');
    await remote.controller.connect('web', { network: 'b', gatewayPriority: 10 });
    assert.notEqual(await client.send('two'), '', 'after the gateway moved to the new network');
    await remote.controller.disconnect('web', 'b');
    assert.notEqual(await client.send('three'), '', 'after the network of the gateway was left');
  });

  it('get host ports when they come to a network with NAT', async () => {
    await make('a', { gateway_mode_ipv4: 'routed' });
    await make('b');
    const ports = [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] as const;
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'a' }], ports });
    await remote.controller.createSandbox({ name: 'other', networks: [{ network: 'a' }], ports });
    await using web = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(web.port, 80);
    await remote.controller.connect('web', { network: 'b', gatewayPriority: 10 });
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    await rejects(remote.controller.connect('other', { network: 'b', gatewayPriority: 10 }), 'IN_USE', /8080\/tcp is published by 'web' already/);
    assert.equal((await remote.controller.sandbox('other')).endpoints.length, 1);
    await remote.kill9();
    remote = await RemoteController.start(host);
    assert.equal(await host.canReach('127.0.0.1', 8080), true);
    await remote.controller.removeSandbox('web');
    await remote.controller.connect('other', { network: 'b', gatewayPriority: 10 });
    assert.deepEqual((await remote.controller.ports()).map(({ owner, hostPort }) => [owner, hostPort]), [['other', 8080]]);
  });

  it('are bound where the network that leads out says', async () => {
    await make('a');
    await make('b', { host_binding_ipv4: '127.0.0.1' });
    const ports = [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] as const;
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'a' }, { network: 'b', gatewayPriority: 10 }], ports });
    await using web = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(web.port, 80);
    assert.equal(await host.canReach('127.0.0.1', 8080), true);
    assert.equal(await host.outside.canReach(host.address4, 8080), false);
  });

  it('are bound to both families with host_binding_ipv4=0.0.0.0, which is its default', async () => {
    await make('a', { host_binding_ipv4: '0.0.0.0' });
    await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'a' }], ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
    await using web = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(web.port, 80);
    assert.equal(await host.outside.canReach(host.address6, 8080), true);
  });
});
