import { HOST, type Op } from '../../src/kernel/op.ts';
import { address4, address6, NETWORK } from './addresses.ts';

/** What a hand-made endpoint hangs on. */
export interface RawPlace {
  readonly bridge: string;
  readonly families: 4 | 46;
  /** Both ends do IPv6 as the kernel has it do unless told, which floods the bridge; see docs/benchmarks.md. */
  readonly chatty?: boolean;
  /** Plain IPv4 address instead of the usual one. */
  readonly address?: string;
}

/** The bridge itself, with its addresses. */
export function rawBridge(bridge: string, families: 4 | 46): Op[] {
  return [
    { op: 'link-add', namespace: HOST, name: bridge, kind: { type: 'bridge' } },
    { op: 'address-add', namespace: HOST, link: bridge, address: `${NETWORK.gateway4}/16` },
    ...(families === 46 ? [{ op: 'address-add', namespace: HOST, link: bridge, address: `${NETWORK.gateway6}/64` } as const] : []),
    { op: 'link-set', namespace: HOST, name: bridge, up: true },
    { op: 'sysctl-set', namespace: HOST, key: 'net/ipv4/ip_forward', value: '1' },
  ];
}

/** The least that makes an endpoint: a veth pair, an address, a default route. */
export function rawEndpoint(port: string, namespace: string, number: number, place: RawPlace): Op[] {
  const { bridge, families, chatty, address = address4(number) } = place;
  return [
    { op: 'link-add', namespace: HOST, name: port, kind: { type: 'veth', peer: { namespace, name: 'eth0' } }, master: bridge },
    ...(chatty === true ? [] : [quiet(HOST, port)]),
    ...(chatty === true || families === 46 ? [] : [quiet(namespace, 'eth0')]),
    { op: 'link-set', namespace: HOST, name: port, up: true },
    { op: 'address-add', namespace, link: 'eth0', address: `${address}/16` },
    ...(families === 46 ? [{ op: 'address-add', namespace, link: 'eth0', address: `${address6(number)}/64` } as const] : []),
    { op: 'link-set', namespace, name: 'eth0', up: true },
    { op: 'route-add', namespace, link: 'eth0', destination: '0.0.0.0/0', gateway: NETWORK.gateway4 },
    ...(families === 46 ? [{ op: 'route-add', namespace, link: 'eth0', destination: '::/0', gateway: NETWORK.gateway6 } as const] : []),
  ];
}

function quiet(namespace: string, link: string): Op {
  return { op: 'sysctl-set', namespace, key: `net/ipv6/conf/${link}/disable_ipv6`, value: '1', optional: true };
}

/** The least that publishes ports: one nft map of our own a family. */
export const RAW_TABLE: string = `table inet hand {
  map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  chain prerouting {
    type nat hook prerouting priority -100
    fib daddr type local dnat ip to meta l4proto . th dport map @ports4
    fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6
  }
  chain postrouting {
    type nat hook postrouting priority 100
    ip saddr ${NETWORK.subnet4} ip daddr != ${NETWORK.subnet4} masquerade
    ip6 saddr ${NETWORK.subnet6} ip6 daddr != ${NETWORK.subnet6} masquerade
  }
}
`;

/** nft commands that publish ports of an endpoint, or take them back. */
export function rawPorts(verb: 'add' | 'delete', number: number, ports: readonly number[], families: 4 | 46): string {
  const list = (family: 4 | 6, address: string): string => {
    const elements = ports.map((port) => `tcp . ${port}${verb === 'add' ? ` : ${address} . 80` : ''}`);
    return `${verb} element inet hand ports${family} { ${elements.join(', ')} }\n`;
  };
  if (ports.length === 0) return '';
  return list(4, address4(number)) + (families === 46 ? list(6, address6(number)) : '');
}
