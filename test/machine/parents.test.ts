import type { NetworkRequest } from '../../src/controller/requests.ts';
import { describeDriver, type DriverLab } from '../compliance/driver.ts';
import { describeChildren } from '../support/child-cases.ts';
import { LocalController, LocalHost } from '../support/local-host.ts';
import { inVirtualMachine } from '../support/virtual-machine.ts';
import { describeIpvlan } from './ipvlan-cases.ts';
import { describeVlans } from './vlan-cases.ts';

const SUBNETS = [['10.81.0.0/24'], ['10.82.0.0/24', 'fd00:82::/64'], ['10.83.0.0/24']];

/** One host and one controller for all: to start one takes ten seconds there. */
class Shared implements DriverLab {
  #host: Promise<LocalHost> | undefined;
  #controller: Promise<LocalController> | undefined;

  start(): Promise<LocalHost> {
    return (this.#host ??= LocalHost.start());
  }

  async open(): Promise<LocalController> {
    if ((await this.#controller)?.isOpen !== true) this.#controller = LocalController.start('/run/netctl-state');
    return (await this.#controller) as LocalController;
  }
}

inVirtualMachine(import.meta.filename, () => {
  describeChildren('dummy', ['netlink'], [
    [{ type: 'ipvlan', mode: 'l2', flag: 'bridge' }, { mode: 'l2', bridge: true }],
    [{ type: 'ipvlan', mode: 'l3', flag: 'private' }, { mode: 'l3', private: true }],
    [{ type: 'ipvlan', mode: 'l3s', flag: 'vepa' }, { mode: 'l3s', vepa: true }],
    [{ type: 'vlan', id: 100 }, { id: 100, protocol: '802.1Q' }],
    [{ type: 'macvlan', mode: 'bridge' }, { mode: 'bridge' }],
  ]);

  const lab = new Shared();
  describeVlans(lab);
  describeIpvlan(lab);

  const kinds: readonly (readonly [string, Pick<NetworkRequest, 'driver' | 'options'>, boolean])[] = [
    ['ipvlan, mode l2', { driver: 'ipvlan', options: { parent: 'eth0' } }, true],
    ['ipvlan, mode l3, on a VLAN', { driver: 'ipvlan', options: { parent: 'eth0.100', ipvlan_mode: 'l3' } }, false],
    ['ipvlan, mode l3s, private', { driver: 'ipvlan', options: { parent: 'eth0', ipvlan_mode: 'l3s', ipvlan_flag: 'private' } }, false],
    ['ipvlan without a parent', { driver: 'ipvlan', options: {} }, true],
    ['macvlan on a VLAN in a VLAN', { driver: 'macvlan', options: { parent: 'eth0.100.200' } }, true],
  ];
  for (const [name, request, connects] of kinds) {
    describeDriver({
      name,
      network: (index) => ({ name: `net${index}`, subnets: SUBNETS[index] ?? [], ...request }),
      connects,
      macs: request.driver === 'ipvlan' ? 'shared' : 'own',
      lab,
      runs: name === 'macvlan on a VLAN in a VLAN' ? 1 : 0,
      steps: 7,
    });
  }
});
