import assert from 'node:assert/strict';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';
import type { LocalController, LocalHost } from '../support/local-host.ts';
import { rejects } from '../support/refusal.ts';
import { removeAll, type ParentLab } from './vlan-cases.ts';

const LAN = '198.51.100.1';

function onLan(name: string, options: Record<string, string> = {}, subnet = '198.51.100.0/24'): NetworkRequest {
  return { name, driver: 'ipvlan', subnets: [subnet], options: { parent: 'eth0', ...options } };
}

/** What ipvlan does that macvlan does not. */
export function describeIpvlan(lab: ParentLab): void {
  describe('ipvlan', () => {
    let host: LocalHost;
    let controller: LocalController['controller'];

    before(async () => {
      host = await lab.start();
      ({ controller } = await lab.open());
    });

    afterEach(() => removeAll(controller));

    const pings = async (sandbox: string, address: string): Promise<boolean> => (await host.netns(sandbox).exec(['ping', '-c1', '-W2', address], { allowFail: true })).code === 0;

    it('l2: on the LAN under the MAC address of the parent, with host access by an address of its own, and duplicates refused', async () => {
      await rejects(controller.createNetwork(onLan('lan', { 'tsipvlan.host_access': 'true' })), 'INVALID', /--aux-address host=/);
      await controller.createNetwork({ ...onLan('lan', { 'tsipvlan.host_access': 'true', 'tsipvlan.dad': 'true' }), ranges: ['198.51.100.128/25'], gateways: [LAN], auxiliary: { host: '198.51.100.99' } });
      await controller.createSandbox({ name: 'one', networks: [{ network: 'lan' }] });
      assert.deepEqual([await pings('one', LAN), await pings('one', '198.51.100.99')], [true, true]);
      await host.sh('ping -c1 -W2 198.51.100.128');
      // Nothing of the host's own traffic is led astray.
      await host.sh(`ping -c1 -W2 ${LAN}`);
      const [link] = JSON.parse(await host.outside.sh('ip -j link show dev lan0')) as { readonly address: string }[];
      await rejects(controller.createSandbox({ name: 'two', networks: [{ network: 'lan', ipv4: '198.51.100.1' }] }), 'EXISTS');
      await host.outside.sh('ip addr add 198.51.100.150/24 dev lan0');
      await rejects(controller.createSandbox({ name: 'two', networks: [{ network: 'lan', ipv4: '198.51.100.150' }] }), 'IN_USE', new RegExp(link?.address ?? 'none'));
      await host.outside.sh('ip addr del 198.51.100.150/24 dev lan0');
      await rejects(controller.createSandbox({ name: 'two', networks: [{ network: 'lan', mac: '02:00:00:00:00:01' }] }), 'INVALID', /have that of their parent/);
    });

    it('l2: addresses by DHCP, told apart by client ids where all have the MAC address of the parent', async () => {
      await using dnsmasq = await startDnsmasq(host.outside, 'lan0', '198.51.100.200,198.51.100.209,255.255.255.0');
      await controller.createNetwork({ name: 'lan', driver: 'ipvlan', ipam: 'dhcp', options: { parent: 'eth0' } });
      const given = new Map<string, string>();
      for (const name of ['one', 'two']) {
        const { endpoints } = await controller.createSandbox({ name, networks: [{ network: 'lan' }] });
        given.set(name, endpoints[0]?.ipv4?.split('/')[0] ?? '');
      }
      const leases = await dnsmasq.leases();
      assert.deepEqual(leases.map(({ address, hostname }) => `${hostname} ${address}`).toSorted(), [...given].map(([name, address]) => `${name} ${address}`));
      assert.equal(new Set(leases.map(({ clientId }) => clientId)).size, 2);
      assert.equal(await pings('one', LAN), true);
      await controller.removeSandbox('one');
      assert.deepEqual((await eventually(() => dnsmasq.leases(), ({ length }) => length === 1)).map(({ hostname }) => hostname), ['two']);
    });

    it('l3: default routes without a gateway, nothing resolved', async () => {
      await controller.createNetwork(onLan('routed', { ipvlan_mode: 'l3' }, '10.50.0.0/24'));
      await controller.createNetwork({ ...onLan('more', { ipvlan_mode: 'l3' }, '10.51.0.0/24') });
      await controller.createSandbox({ name: 'one', networks: [{ network: 'routed' }] });
      await controller.createSandbox({ name: 'two', networks: [{ network: 'more' }] });
      assert.match(await host.sh('ip -n one route show default; ip -n one link show eth0'), /^default dev eth0 scope link[^]*NOARP/);
      // One parent joins the subnets of all networks on it; the LAN has to know the way to them.
      assert.equal(await pings('one', '10.51.0.1'), true);
      await host.outside.sh('ip route add 10.50.0.0/16 via 198.51.100.10; ping -c1 -W2 10.50.0.1; ip route del 10.50.0.0/16');
    });

    it('shares a parent as the kernel does, and says who has it', async () => {
      await controller.createNetwork(onLan('first', {}, '10.60.0.0/24'));
      await controller.createNetwork(onLan('same', {}, '10.61.0.0/24'));
      await rejects(controller.createNetwork(onLan('mode', { ipvlan_mode: 'l3' }, '10.62.0.0/24')), 'IN_USE', /used by network 'first', in ipvlan_mode=l2, ipvlan_flag=bridge/);
      await rejects(controller.createNetwork(onLan('flag', { ipvlan_flag: 'private' }, '10.62.0.0/24')), 'IN_USE', /used by network 'first'/);
      await rejects(controller.createNetwork({ name: 'mac', driver: 'macvlan', subnets: ['10.62.0.0/24'], options: { parent: 'eth0' } }), 'IN_USE', /used by network 'first', which is ipvlan/);
      for (const name of ['first', 'same']) await controller.removeNetwork(name);
      await host.sh('ip netns add theirs; ip link add link eth0 name i0 netns theirs type ipvlan mode l2');
      await rejects(controller.createNetwork({ name: 'mac', driver: 'macvlan', subnets: ['10.62.0.0/24'], options: { parent: 'eth0' } }), 'IN_USE', /serves something else already.*ipvlan links, be it in another namespace/);
      await host.sh('ip netns del theirs');
      await rejects(controller.createNetwork(onLan('bad', { ipvlan_mode: 'l4' })), 'INVALID', /must be one of l2, l3, l3s/);
      await rejects(controller.createNetwork(onLan('bad', { ipvlan_flag: 'x' })), 'INVALID', /must be one of bridge, private, vepa/);
    });
  });
}
