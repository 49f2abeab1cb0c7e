import { describeChildren } from '../support/child-cases.ts';
import { inVirtualMachine } from '../support/virtual-machine.ts';

inVirtualMachine(import.meta.filename, () => {
  describeChildren('dummy', ['netlink'], [
    [{ type: 'ipvlan', mode: 'l2', flag: 'bridge' }, { mode: 'l2', bridge: true }],
    [{ type: 'ipvlan', mode: 'l3', flag: 'private' }, { mode: 'l3', private: true }],
    [{ type: 'ipvlan', mode: 'l3s', flag: 'vepa' }, { mode: 'l3s', vepa: true }],
    [{ type: 'vlan', id: 100 }, { id: 100, protocol: '802.1Q' }],
    [{ type: 'macvlan', mode: 'bridge' }, { mode: 'bridge' }],
  ]);
});
