import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';

describe('what others changed and no event tells of', () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let bridge: string;
  let port: string;

  before(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
    const { id } = await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    const { endpoints } = await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
    await remote.controller.createSandbox({ name: 'client', networks: [{ network: 'blue' }] });
    bridge = `br-${id.slice(0, 12)}`;
    port = `veth${(endpoints[0]?.id ?? '').slice(0, 11)}`;
  });

  after(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const repaired = async (script: string, wrong: RegExp): Promise<void> => {
    await host.sh(script);
    const before = (await remote.controller.drift()).join('\n');
    // Some are heard of after all, and repaired before anybody looks.
    if (before !== '') assert.match(before, wrong);
    await remote.controller.reconcile();
    assert.deepEqual(await remote.controller.drift(), []);
  };

  it('is repaired: a port isolated from its neighbours', async () => {
    await repaired(`bridge link set dev ${port} isolated on`, /link veth\w+ is not as it should be/);
    assert.match(await host.sh(`bridge -d link show dev ${port}`), /isolated off/);
  });

  it('is repaired: route_localnet, without which 127.0.0.1 leads nowhere', async () => {
    await using web = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(web.port, 80);
    await repaired(`echo 0 >/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, /sysctl net\/ipv4\/conf\/br-\w+\/route_localnet is not 1/);
    assert.equal(await host.canReach('127.0.0.1', 8080), true);
  });

  it('is repaired: IPv6 of the bridge switched off', async () => {
    await repaired(`echo 1 >/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, /address fd00:9::1\/64 is missing/);
    assert.match(await host.sh('ip netns exec client ping -c 1 -W 2 fd00:9::1'), / 0% packet loss/);
  });

  it('is repaired at the next start as well', async () => {
    await remote.kill9();
    await host.sh(`bridge link set dev ${port} isolated on; echo 0 >/proc/sys/net/ipv4/conf/${bridge}/route_localnet; echo 1 >/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`);
    remote = await RemoteController.start(host);
    assert.deepEqual(await remote.controller.drift(), []);
    assert.match(await host.sh(`bridge -d link show dev ${port}; cat /proc/sys/net/ipv4/conf/${bridge}/route_localnet; ip addr show ${bridge}`), /isolated off[^]*\n1\n[^]*fd00:9::1\/64/);
  });
});
