/** One side of a network over two hosts, as a person would type it. */
export interface HandMadeSide {
  /** Bytes: what the link to the other host takes. */
  readonly underlayMtu: number;
  /** Plain IPv4 addresses of this host and of the other one. */
  readonly local: string;
  readonly remote: string;
  /** Of the sandbox, plain, of a /24. */
  readonly address: string;
}

/** The sandbox of each side. */
export const BY_HAND = 'by-hand';

/** Away from what networks of the cluster use. */
const [VNI, PORT] = [4_000_000, 4790];

/** Bytes that VXLAN over IPv4 takes: RFC 7348 section 5. */
const OVERHEAD = 50;

/** Where an engine is, the kernel sends bridged packets through iptables, and the engine drops those that it does not know. */
const LET_THROUGH = 'FORWARD -i br-hand -o br-hand -j ACCEPT';

/** A shell script that makes bridge, VXLAN link and sandbox, with checksums as ours have them. */
export function makeByHand({ underlayMtu, local, remote, address }: HandMadeSide): string {
  const mtu = String(underlayMtu - OVERHEAD);
  return `
    ip link add br-hand mtu ${mtu} type bridge
    ip link add vx-hand mtu ${mtu} master br-hand type vxlan id ${String(VNI)} dstport ${String(PORT)} local ${local} remote ${remote} udpcsum
    ip netns add ${BY_HAND}
    ip link add veth-hand mtu ${mtu} master br-hand type veth peer name eth0 mtu ${mtu} netns ${BY_HAND}
    ip -n ${BY_HAND} address add ${address}/24 dev eth0
    ip -n ${BY_HAND} link set lo up
    ip -n ${BY_HAND} link set eth0 up
    for link in br-hand vx-hand veth-hand; do ip link set $link up; done
    ! command -v iptables >/dev/null || iptables -w -I ${LET_THROUGH}`;
}

/** A shell script that takes it away, as far as it is there. */
export const REMOVE_BY_HAND: string = `ip netns delete ${BY_HAND}; ip link delete vx-hand; ip link delete br-hand; iptables -w -D ${LET_THROUGH}; true`;
