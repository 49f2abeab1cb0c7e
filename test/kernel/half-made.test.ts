import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';

/** What a kill -9 between two system calls leaves, and what looks the same: each step by hand, because the instant is hard to meet. */
describe('what was half made when the daemon was killed', () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let port: string;
  let bridge: string;
  /** What stands at the sandbox's loopback link. */
  let label: string;

  beforeEach(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
    const { id } = await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    bridge = `br-${id.slice(0, 12)}`;
    const sandbox = await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], sysctls: { 'net.ipv4.ip_default_ttl': '99' } });
    port = `veth${(sandbox.endpoints[0]?.id ?? '').slice(0, 11)}`;
    label = `netctl:${remote.instance}:${sandbox.id.slice(0, 12)}`;
  });

  afterEach(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const works = async (): Promise<void> => {
    assert.deepEqual(await remote.controller.drift(), []);
    assert.match(await host.sh('ip netns exec web ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
    assert.equal(await host.sh('ip netns exec web cat /proc/sys/net/ipv4/ip_default_ttl'), '99');
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

  it('is finished: the file of a namespace with no namespace behind it', () => found(`ip netns del web; printf %s ${label} >/run/netns/web`));

  it('is swept away: the file of a namespace that was half removed, but nobody else’s', async () => {
    await found(`printf %s netctl:${remote.instance}:0123456789ab >/run/netns/left; touch /run/netns/theirs; printf %s netctl:00000000:0123456789ab >/run/netns/another`);
    assert.equal(await host.sh('ls /run/netns'), 'another\ntheirs');
  });

  it('is left alone: a namespace by which somebody else has taken the name', async () => {
    await remote.controller.createSandbox({ name: 'other', networks: [{ network: 'blue' }] });
    await remote.kill9();
    await host.sh('ip netns del web; ip netns add web');
    const theirs = await host.sh('stat -Lc %i /run/netns/web');
    remote = await RemoteController.start(host);
    assert.match(await host.sh('ip netns exec other ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
    assert.equal(await host.sh('ip -n web -br link | cut -d " " -f 1'), 'lo', 'nothing of ours is in it');
    const findings = await remote.controller.diagnose();
    const finding = findings.find(({ subject }) => subject === 'sandboxes');
    assert.equal(finding?.message, "sandbox 'web' has no namespace: network namespace 'web' is somebody else's now");
    assert.equal(finding.remedy, "free the name ('ip netns del web') and run 'netctl doctor --fix', or 'netctl sandbox rm web'");
    await assert.rejects(remote.controller.connect('web', { network: 'blue' }), { code: 'UNAVAILABLE', message: /^sandbox 'web' has no namespace: network namespace 'web' is somebody else's now/ });
    await remote.controller.reconcile();
    assert.equal(await host.sh('stat -Lc %i /run/netns/web'), theirs);
    await host.sh('ip netns del web');
    assert.notDeepEqual(await remote.controller.reconcile(), []);
    await works();
    await host.sh('ip netns del web; ip netns add web; ip -n web link set lo alias mine');
    await remote.controller.removeSandbox('web');
    assert.match(await host.sh('ip -n web link show lo'), /alias mine/);
  });

  it('is complete or gone, whenever the daemon is killed: sandboxes made and removed as fast as can be', async function () {
    const seen = new Set<string>();
    for (let round = 0; round < 24; round += 1) {
      // Nobody waits for the answers: the kill meets whatever is under way.
      for (let number = 0; number < 40; number += 1) {
        const name = `s${String(number % 4)}`;
        void remote.controller.createSandbox({ name, sysctls: { 'net.ipv4.ip_default_ttl': '77', 'net.ipv4.tcp_retries2': '9' } }).catch(() => {});
        if (number % 3 === 2) void remote.controller.removeSandbox(`s${String((number + 2) % 4)}`).catch(() => {});
      }
      await remote.event(({ type }) => type === 'sandbox');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
      await remote.kill9();
      seen.add(await host.sh('cd /run/netns; for name in *; do ip -n $name link show lo >/dev/null 2>&1 || echo "half $name"; done; ls | wc -l'));
      remote = await RemoteController.start(host);
      const sandboxes = await remote.controller.sandboxes();
      const state = await host.sh('cd /run/netns; for name in *; do echo $name $(ip netns exec $name sysctl -n net.ipv4.ip_default_ttl net.ipv4.tcp_retries2) $(ip -n $name link show lo | sed -n "s/.*alias //p"); done');
      const expected = sandboxes.map(({ name, id }) => `${name} ${name === 'web' ? '99 15' : '77 9'} netctl:${remote.instance}:${id.slice(0, 12)}`);
      assert.deepEqual(state.split('\n').toSorted(), expected.toSorted());
      assert.deepEqual(await remote.controller.drift(), []);
      for (const { name } of sandboxes) if (name !== 'web') await remote.controller.removeSandbox(name);
    }
    assert.equal(await host.sh('ls /run/netns'), 'web');
    assert.ok(seen.size > 1, `the kills met nothing: ${[...seen].join('; ')}`);
  });

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
