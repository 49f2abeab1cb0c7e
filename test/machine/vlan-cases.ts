import assert from 'node:assert/strict';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import type { LocalController, LocalHost } from '../support/local-host.ts';
import { rejects } from '../support/refusal.ts';

/** Where the cases run. */
export interface ParentLab {
  start(): Promise<LocalHost>;
  open(): Promise<LocalController>;
}

/** A macvlan network as it stands in every Docker book. */
function onVlan(name: string, parent: string, subnet = '10.0.0.0/24'): NetworkRequest {
  return { name, driver: 'macvlan', subnets: [subnet], options: { parent } };
}

/** Takes away what a case has made, or left half-way. */
export async function removeAll(controller: LocalController['controller']): Promise<void> {
  for (const { name } of await controller.sandboxes()) await controller.removeSandbox(name);
  for (const { name, driver } of await controller.networks()) if (driver.endsWith('vlan')) await controller.removeNetwork(name);
}

/** VLAN sub-interfaces: made, shared, left alone, and what is on the wire. */
export function describeVlans(lab: ParentLab): void {
  describe('VLAN sub-interfaces', () => {
    let host: LocalHost;
    let controller: LocalController['controller'];

    before(async () => {
      host = await lab.start();
      ({ controller } = await lab.open());
    });

    afterEach(() => removeAll(controller));

    const vlans = (): Promise<string> => host.sh("ip -br link show type vlan | cut -d' ' -f1 | sort -t@ -k1,1 | tr '\\n' ' '");

    it('come with the first network and go with the last, and frames have their tags, two of them in a VLAN in a VLAN', async () => {
      await host.outside.sh(`ip link add link lan0 name lan0.100 type vlan id 100; ip link set lan0.100 up; ip addr add 10.0.0.1/24 dev lan0.100
        ip link add link lan0.100 name lan0.100.200 type vlan id 200; ip link set lan0.100.200 up; ip addr add 10.2.0.1/24 dev lan0.100.200`);
      const pings = async (sandbox: string, address: string): Promise<boolean> => (await host.netns(sandbox).exec(['ping', '-c1', '-W2', address], { allowFail: true })).code === 0;
      await controller.createNetwork({ ...onVlan('macvlan100', 'eth0.100'), ranges: ['10.0.0.0/25'], gateways: ['10.0.0.1'] });
      await controller.createNetwork(onVlan('another', 'eth0.100', '10.1.0.0/24'));
      await controller.createNetwork(onVlan('inner', 'eth0.100.200', '10.2.0.0/24'));
      assert.equal(await vlans(), 'eth0.100@eth0 eth0.100.200@eth0.100 ');
      assert.match(await host.sh('ip link show eth0.100'), /alias netctl:\w+:shared/);
      const one = await controller.createSandbox({ name: 'one', networks: [{ network: 'macvlan100' }] });
      await controller.createSandbox({ name: 'two', networks: [{ network: 'inner', ipv4: '10.2.0.9' }] });
      assert.equal(one.endpoints[0]?.ipv4, '10.0.0.2/24');
      assert.deepEqual([await pings('one', '10.0.0.1'), await pings('two', '10.2.0.1')], [true, true]);
      // The other side has met each of them in its VLAN, and nobody without a tag.
      const met = async (link: string): Promise<string> => (await host.outside.sh(`ip -4 neigh show dev ${link} | cut -d' ' -f1 | grep '^10[.]' || true`)).trim();
      assert.deepEqual([await met('lan0.100'), await met('lan0.100.200'), await met('lan0')], ['10.0.0.2', '10.2.0.9', '']);
      for (const name of ['one', 'two']) await controller.removeSandbox(name);
      await controller.removeNetwork('macvlan100');
      await controller.removeNetwork('another');
      assert.equal(await vlans(), 'eth0.100@eth0 eth0.100.200@eth0.100 ');
      await controller.removeNetwork('inner');
      assert.equal(await vlans(), '');
    });

    it('that are there already are used and left alone', async () => {
      await host.sh('ip link add link eth0 name eth0.100 type vlan id 100; ip link set eth0.100 up; ip link add link eth0 name seven type vlan id 7');
      await controller.createNetwork(onVlan('lan', 'eth0.100'));
      await controller.createNetwork(onVlan('upper', 'eth0.100.9', '10.9.0.0/24'));
      await rejects(controller.createNetwork(onVlan('other', 'eth0.7', '10.7.0.0/24')), 'EXISTS', /VLAN 7 of 'eth0' is there already as 'seven': use -o parent=seven/);
      for (const name of ['lan', 'upper']) await controller.removeNetwork(name);
      assert.equal(await vlans(), 'eth0.100@eth0 seven@eth0 ');
      await host.sh('ip link del eth0.100; ip link del seven');
    });

    it('come back with the link below them, and the endpoints on them too', async () => {
      await host.sh('ip link add usb0 type dummy; ip link set usb0 up');
      await controller.createNetwork(onVlan('lan', 'usb0.5'));
      await controller.createSandbox({ name: 'one', networks: [{ network: 'lan' }] });
      const mac = async (): Promise<string | undefined> => (JSON.parse(await host.sh('ip -n one -j link show dev eth0')) as { readonly address: string }[])[0]?.address;
      const before = await mac();
      await host.sh('ip link del usb0');
      await rejects(controller.createNetwork(onVlan('more', 'usb0.6', '10.6.0.0/24')), 'NOT_FOUND', /'usb0' does not exist/);
      await host.sh('ip link add usb0 type dummy; ip link set usb0 up');
      await controller.reconcile();
      assert.equal(await vlans(), 'usb0.5@usb0 ');
      assert.equal(await mac(), before);
      await controller.removeSandbox('one');
      await controller.removeNetwork('lan');
      await host.sh('ip link del usb0');
    });

    it('need a parent that is up', async () => {
      await host.sh('ip link add usb0 type dummy');
      await rejects(controller.createNetwork(onVlan('lan', 'usb0.5')), 'INVALID', /'usb0' is down.*ip link set usb0 up/);
      await host.sh('ip link del usb0');
    });
  });
}
