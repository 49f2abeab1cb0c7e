import type { Attached, LabMachine } from './lab-machine.ts';

const NAME = 'by-hand';
/** Away from what networks of the cluster use. */
const [VNI, PORT] = [4_000_000, 4790];
const ADDRESSES = ['10.250.0.1', '10.250.0.2'] as const;

/** Where an engine is, the kernel sends bridged packets through iptables, and the engine drops those that it does not know. */
const LET_THROUGH = 'FORWARD -i br-hand -o br-hand -j ACCEPT';

/** What a person would type to put two sandboxes on two hosts into one network; disposing takes it away. */
export async function handMade(one: LabMachine, two: LabMachine): Promise<AsyncDisposable & { readonly from: Attached; readonly to: Attached }> {
  const from = await make(one, two, ADDRESSES[0]);
  const to = await make(two, one, ADDRESSES[1]);
  return {
    from,
    to,
    [Symbol.asyncDispose]: async () => {
      for (const machine of [one, two]) await machine.exec(['sh', '-c', `ip netns delete ${NAME}; ip link delete vx-hand; ip link delete br-hand; iptables -w -D ${LET_THROUGH}`], { allowFail: true });
    },
  };
}

async function make(machine: LabMachine, other: LabMachine, ipv4: string): Promise<Attached> {
  const mtu = Number((await machine.exec(['cat', `/sys/class/net/${machine.ground.uplink}/mtu`])).stdout) - 50;
  await machine.exec(['sh', '-ec', `
    ip link add br-hand mtu ${String(mtu)} type bridge
    ip link add vx-hand mtu ${String(mtu)} master br-hand type vxlan id ${String(VNI)} dstport ${String(PORT)} local ${machine.address} remote ${other.address}
    ip netns add ${NAME}
    ip link add veth-hand mtu ${String(mtu)} master br-hand type veth peer name eth0 mtu ${String(mtu)} netns ${NAME}
    ip -n ${NAME} address add ${ipv4}/24 dev eth0
    ip -n ${NAME} link set lo up
    ip -n ${NAME} link set eth0 up
    for link in br-hand vx-hand veth-hand; do ip link set $link up; done
    ! command -v iptables >/dev/null || iptables -w -I ${LET_THROUGH}
  `]);
  return { machine, name: NAME, space: `/run/netns/${NAME}`, ipv4, ipv6: '', mac: '' };
}
