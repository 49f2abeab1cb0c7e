import { BY_HAND, makeByHand, REMOVE_BY_HAND } from '../../bench/scenarios/vxlan-by-hand.ts';
import type { Attached, LabMachine } from './lab-machine.ts';

const ADDRESSES = ['10.250.0.1', '10.250.0.2'] as const;

/** What a person would type to put two sandboxes on two hosts into one network; disposing takes it away. */
export async function handMade(one: LabMachine, two: LabMachine): Promise<AsyncDisposable & { readonly from: Attached; readonly to: Attached }> {
  const from = await make(one, two, ADDRESSES[0]);
  const to = await make(two, one, ADDRESSES[1]);
  return {
    from,
    to,
    [Symbol.asyncDispose]: async () => {
      for (const machine of [one, two]) await machine.exec(['sh', '-c', REMOVE_BY_HAND]);
    },
  };
}

async function make(machine: LabMachine, other: LabMachine, ipv4: string): Promise<Attached> {
  const underlayMtu = Number((await machine.exec(['cat', `/sys/class/net/${machine.ground.uplink}/mtu`])).stdout);
  await machine.exec(['sh', '-ec', makeByHand({ underlayMtu, local: machine.address, remote: other.address, address: ipv4 })]);
  return { machine, name: BY_HAND, space: `/run/netns/${BY_HAND}`, ipv4, ipv6: '', mac: '' };
}
