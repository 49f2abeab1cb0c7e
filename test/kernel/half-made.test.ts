import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';

/** What a kill -9 between two system calls leaves, and what looks the same: each step by hand, because the instant is hard to meet. */
describe('what was half made when the daemon was killed', () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let port: string;
  let bridge: string;

  beforeEach(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
    const { id } = await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    bridge = `br-${id.slice(0, 12)}`;
    const { endpoints } = await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], sysctls: { 'net.ipv4.ip_default_ttl': '99' } });
    port = `veth${(endpoints[0]?.id ?? '').slice(0, 11)}`;
  });

  afterEach(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const works = async (): Promise<void> => {
    assert.deepEqual(await remote.controller.drift(), []);
    assert.match(await host.sh('ip netns exec web ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
  };

  const found = async (script: string): Promise<void> => {
    await remote.kill9();
    await host.sh(script);
    remote = await RemoteController.start(host);
    await works();
    await remote.controller.removeSandbox('web');
    await remote.controller.removeNetwork('blue');
    assert.equal(await host.sh(`ip -br link | grep -c -e ${bridge} -e ${port} || :`), '0');
  };

  it('is finished: an endpoint without its label', () => found(`ip link set ${port} alias ""`));

  it('is finished: a bridge without its label', () => found(`ip link set ${bridge} alias ""`));

  it('is finished: the file of a namespace with no namespace behind it', () => found('ip netns del web; touch /run/netns/web'));

  it('is made again: an endpoint whose other end was taken to another namespace', () =>
    found('ip netns add elsewhere; ip -n web link set eth0 netns elsewhere'));

  it('is made again: a sandbox of which only the name was removed, while a process still lives in it', async () => {
    await using process = await host.spawn(['ip', 'netns', 'exec', 'web', 'sleep', '60']);
    await found('ip netns del web');
    assert.equal(process.running, true);
  });

  it('keeps nobody else down: a sandbox that cannot be made again', async () => {
    await remote.controller.createSandbox({ name: 'other', networks: [{ network: 'blue' }] });
    await remote.kill9();
    await host.sh('ip netns del web; ip netns del other; mkdir /run/netns/web');
    remote = await RemoteController.start(host);
    assert.match(await host.sh('ip netns exec other ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
    await host.sh('rmdir /run/netns/web');
    await remote.controller.reconcile();
    await works();
  });

  it('is made again while the daemon runs', async () => {
    await using process = await host.spawn(['ip', 'netns', 'exec', 'web', 'sleep', '60']);
    await host.sh('ip netns del web');
    assert.notDeepEqual(await remote.controller.reconcile(), []);
    await works();
    assert.equal(process.running, true);
  });
});
