import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { RemoteController } from '../support/remote-controller.ts';

const NAME = 'com.docker.network.bridge.name';

describe('an adopted bridge', () => {
  let host: PrivateHost;
  let remote: RemoteController;

  beforeEach(async () => {
    host = await PrivateHost.start();
    // As a hypervisor has it: the host's own addresses are on a bridge over a NIC.
    await host.sh(`
      ip link add nic0 address 02:ff:ff:ff:ff:f0 type veth peer name nic1; ip link set nic1 up
      ip link add br0 type bridge; ip link set nic0 master br0 up; ip link set br0 mtu 1450 up
      ip addr add 10.50.0.1/24 dev br0; ip addr add 2001:db8:50::1/64 dev br0 nodad
      until ip -6 addr show br0 scope link | grep -q 'fe80.*link $'; do :; done`);
    remote = await RemoteController.start(host);
  });

  afterEach(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const look = (): Promise<string> =>
    host.sh(`cat /sys/class/net/br0/address; cat /sys/class/net/br0/mtu; ip -o addr show br0 | tr -s ' ' | sort
      ip route show dev br0; ip -6 route show dev br0; ip -br link show master br0
      for key in /proc/sys/net/ipv[46]/conf/br0/*; do case $key in */stable_secret) ;; *) echo "$key $(cat $key)";; esac; done`);

  for (const [what, subnets] of [
    ['IPv4', ['10.50.0.0/24']],
    ['both families', ['10.50.0.0/24', '2001:db8:50::/64']],
    ['IPv4 and another IPv6 subnet', ['10.50.0.0/24', 'fd00:50::/64']],
  ] as const) {
    it(`is left as it was found by a network of ${what}`, async () => {
      const found = await look();
      await remote.controller.createNetwork({ name: 'blue', subnets, options: { [NAME]: 'br0' } });
      for (const name of ['a', 'b', 'c']) await remote.controller.createSandbox({ name, networks: [{ network: 'blue' }] });
      assert.match(await host.sh('ip addr show br0'), /inet6 2001:db8:50::1\/64/, "the host's own IPv6 address is gone");
      assert.equal(await host.sh('cat /sys/class/net/br0/address'), '02:ff:ff:ff:ff:f0');
      assert.match(await host.sh('ip netns exec a ping -c 1 -W 1 10.50.0.1'), / 0% packet loss/);
      for (const name of ['a', 'b', 'c']) await remote.controller.removeSandbox(name);
      await remote.controller.removeNetwork('blue');
      assert.equal(await look(), found);
    });
  }

  it('with IPv6 off gets it for an IPv6 network, and has it off again', async () => {
    await host.sh('echo 1 >/proc/sys/net/ipv6/conf/br0/disable_ipv6');
    const found = await look();
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.50.0.0/24', 'fd00:50::/64'], options: { [NAME]: 'br0' } });
    await remote.controller.createSandbox({ name: 'a', networks: [{ network: 'blue' }] });
    assert.match(await host.sh('ip netns exec a ping -c 1 -W 3 fd00:50::1'), / 0% packet loss/);
    await remote.controller.removeSandbox('a');
    await remote.controller.removeNetwork('blue');
    assert.equal(await look(), found);
  });

  describe('that was down', () => {
    beforeEach(() => host.sh('ip link set br0 down; ip addr add 2001:db8:50::1/64 dev br0'));

    const adoptAndLetGo = async (meanwhile = ':'): Promise<void> => {
      await remote.controller.createNetwork({ name: 'blue', subnets: ['10.50.0.0/24', 'fd00:50::/64'], options: { [NAME]: 'br0' } });
      await remote.controller.createSandbox({ name: 'a', networks: [{ network: 'blue' }] });
      assert.match(await host.sh('ip netns exec a ping -c 1 -W 3 10.50.0.1'), / 0% packet loss/);
      await host.sh(meanwhile);
      await remote.controller.removeSandbox('a');
      await remote.controller.removeNetwork('blue');
    };
    const isUp = async (): Promise<boolean> => (await host.sh('ip link show br0')).includes(',UP');

    for (const keep of [0, 1]) {
      it(`is down again, with the addresses that it had (keep_addr_on_down=${String(keep)})`, async () => {
        await host.sh(`echo ${String(keep)} >/proc/sys/net/ipv6/conf/br0/keep_addr_on_down`);
        const found = (await look()).replaceAll(/ tentative| nodad/g, '');
        await adoptAndLetGo();
        assert.equal((await look()).replaceAll(/ tentative| nodad/g, ''), found);
      });
    }

    it('is down again also when the daemon was restarted in between', async () => {
      await adoptAndLetGo(`kill -9 ${String(remote.process.innerPid)}`).catch(() => {});
      remote = await RemoteController.start(host);
      await remote.controller.removeSandbox('a');
      await remote.controller.removeNetwork('blue');
      assert.equal(await isUp(), false);
    });

    it('is down again when the network could not be made', async () => {
      // The last that is done: forwarding.
      await host.sh('for key in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding; do mount --bind $key $key; mount -o remount,bind,ro $key; done');
      await assert.rejects(remote.controller.createNetwork({ name: 'blue', subnets: ['10.50.0.0/24'], options: { [NAME]: 'br0' } }), { code: 'KERNEL', message: /forward/ });
      assert.equal(await isUp(), false);
    });

    it('is not missed when it has been deleted meanwhile', async () => {
      await adoptAndLetGo('ip link del br0');
      assert.deepEqual(await remote.controller.networks(), []);
    });

    for (const [what, meanwhile] of [
      ['has put a port into it', 'ip link add nic2 type veth peer name nic3; ip link set nic2 master br0'],
      ['has given it an address', 'ip addr add 10.51.0.1/24 dev br0'],
      ['stands on it', 'ip link add top0 link br0 type macvlan'],
    ] as const) {
      it(`stays up when somebody else ${what} meanwhile`, async () => {
        await adoptAndLetGo(meanwhile);
        assert.equal(await isUp(), true);
      });
    }
  });

  it('that is gone keeps its own network down, the others up, and everything works when it is back', async () => {
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.50.0.0/24'], options: { [NAME]: 'br0' } });
    await remote.controller.createNetwork({ name: 'green', subnets: ['10.9.0.0/24'] });
    await remote.controller.createSandbox({ name: 'a', networks: [{ network: 'blue' }] });
    await remote.controller.createSandbox({ name: 'b', networks: [{ network: 'green' }] });
    await remote.kill9();
    host = await host.reboot();
    remote = await RemoteController.start(host);
    assert.match(await host.sh('ip netns exec b ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
    assert.match(await remote.controller.drift().then((all) => all.join('\n')), /^bridge 'br0' of network 'blue' is gone/m);
    await host.sh('ip link add br0 type bridge; ip link set br0 up; ip addr add 10.50.0.1/24 dev br0');
    const answer = await eventually(() => host.sh('ip netns exec a ping -c 1 -W 1 10.50.0.1 || :'), (text) => text.includes(' 0% packet loss'));
    assert.match(answer, / 0% packet loss/);
    assert.deepEqual(await remote.controller.drift(), []);
  });

  it('that another kind of link has taken the place of keeps only its own network down', async () => {
    const { id } = await remote.controller.createNetwork({ name: 'blue', subnets: ['10.8.0.0/24'] });
    await remote.controller.createNetwork({ name: 'green', subnets: ['10.9.0.0/24'] });
    await remote.controller.createSandbox({ name: 'b', networks: [{ network: 'green' }] });
    await remote.kill9();
    host = await host.reboot();
    await host.sh(`ip link add br-${id.slice(0, 12)} type veth peer name other`);
    remote = await RemoteController.start(host);
    assert.match(await host.sh('ip netns exec b ping -c 1 -W 1 10.9.0.1'), / 0% packet loss/);
    assert.notDeepEqual(await remote.controller.drift(), []);
  });
});
