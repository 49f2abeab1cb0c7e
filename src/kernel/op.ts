/**
 * Everything this project ever does to a kernel, as data. A plan is a list of these; the netlink
 * executor carries them out in as few system calls as it can, the iproute2 executor prints them
 * as the commands a person would type.
 *
 * Links are named, not numbered: the executor looks an index up where the kernel wants one.
 * Deleting what is not there succeeds; adding what is there fails with EEXIST, unless it says that it replaces.
 */
import type { ChildTraits } from './child-traits.ts';
import type { FirewallCommand } from './firewall-command.ts';
import type { FdbState, NeighbourState } from './forwarding-state.ts';
import type { RedirectState } from './redirect.ts';
import type { VxlanTraits } from './vxlan-traits.ts';
import type { WireguardPeer, WireguardState } from './wireguard-state.ts';

/** The path of a network namespace (`/run/netns/blue`, `/proc/42/ns/net`), or {@link HOST}. */
export type NamespacePath = string;

/** The namespace in which the daemon itself runs. */
export const HOST: NamespacePath = 'host';

/** Where the other end of a veth pair is made. */
export interface VethPeer {
  readonly namespace: NamespacePath;
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
}

/** The link that another one sits on. */
export interface LinkParent {
  readonly namespace: NamespacePath;
  readonly name: string;
}

/** A link that sits on another one: `ip link add link PARENT … type KIND`. */
export type ChildKind = ChildTraits & { readonly parent: LinkParent };

/** `ip link add … type vxlan`. On no other link: the routes to the other hosts say by which one it goes out. */
export type VxlanKind = VxlanTraits & { readonly type: 'vxlan' };

/** The kinds of link, each with what `ip link add … type KIND` takes. */
export type LinkKind =
  | { readonly type: 'bridge' }
  /** Swallow what they are given; a parent for links that are to meet nobody outside. */
  | { readonly type: 'dummy' | 'ifb' }
  /** Keys and peers are told it afterwards. */
  | { readonly type: 'wireguard' }
  | { readonly type: 'veth'; readonly peer: VethPeer }
  | VxlanKind
  | ChildKind;

/** `ip link add` */
export interface LinkAdd {
  readonly op: 'link-add';
  readonly namespace: NamespacePath;
  readonly name: string;
  readonly kind: LinkKind;
  readonly mac?: string;
  readonly mtu?: number;
  readonly master?: string;
  readonly up?: boolean;
  readonly group?: number;
  /** `ip link set alias`: the kernel ignores it at creation, so it is set in the same send. */
  readonly alias?: string;
}

/** `ip link set` */
export interface LinkSet {
  readonly op: 'link-set';
  readonly namespace: NamespacePath;
  readonly name: string;
  readonly rename?: string;
  readonly up?: boolean;
  readonly mac?: string;
  readonly mtu?: number;
  /** null takes the link out of its bridge. */
  readonly master?: string | null;
  readonly group?: number;
  readonly alias?: string;
  /** `ip link set NAME netns PATH` */
  readonly moveTo?: NamespacePath;
}

/** `ip link del` */
export interface LinkDelete {
  readonly op: 'link-delete';
  readonly namespace: NamespacePath;
  readonly name: string;
}

/** `ip link del group N`: everything in that group of that namespace, in one message. */
export interface LinkGroupDelete {
  readonly op: 'link-group-delete';
  readonly namespace: NamespacePath;
  readonly group: number;
}

/** `bridge link set dev NAME [hairpin on|off] [isolated on|off] [learning on|off] [neigh_suppress on|off]`; what is left out stays as it is. */
export interface BridgePortSet {
  readonly op: 'bridge-port-set';
  readonly namespace: NamespacePath;
  readonly name: string;
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  /** Whether frames that come by it say which MACs are behind it. */
  readonly learning?: boolean;
  /** Who asks for a neighbour that the bridge knows to be behind this port is answered by the bridge (RFC 7432 §10). */
  readonly neighbourSuppression?: boolean;
}

/** `ip addr add|del ADDRESS dev LINK`; address in CIDR form. */
export interface AddressChange {
  readonly op: 'address-add' | 'address-delete';
  readonly namespace: NamespacePath;
  readonly link: string;
  readonly address: string;
}

/** `ip addr flush dev LINK` (both families, global scope). */
export interface AddressFlush {
  readonly op: 'address-flush';
  readonly namespace: NamespacePath;
  readonly link: string;
}

/** `ip route replace|del DESTINATION [via GATEWAY] dev LINK`; destination a CIDR (`0.0.0.0/0` is default). */
export interface RouteChange {
  readonly op: 'route-add' | 'route-delete';
  readonly namespace: NamespacePath;
  readonly link: string;
  readonly destination: string;
  readonly gateway?: string;
  readonly metric?: number;
}

/**
 * `bridge fdb replace|append|delete MAC dev LINK …`. Adding replaces what was known about the MAC; of the flood
 * list it adds one destination.
 */
export type FdbChange = FdbState & {
  readonly op: 'fdb-add' | 'fdb-delete';
  readonly namespace: NamespacePath;
  readonly link: string;
};

/** `ip neigh replace|delete ADDRESS [lladdr MAC nud permanent] dev LINK` */
export interface NeighbourChange extends NeighbourState {
  readonly op: 'neighbour-add' | 'neighbour-delete';
  readonly namespace: NamespacePath;
  readonly link: string;
}

/** A change of one entry of a table: many go in one send, because they do not depend on each other. */
export type EntryChange = FdbChange | NeighbourChange;

/** `wg set LINK private-key FILE listen-port PORT` */
export interface WireguardSet extends Omit<WireguardState, 'peers'> {
  readonly op: 'wireguard-set';
  readonly namespace: NamespacePath;
  readonly link: string;
}

/** `wg set LINK peer KEY endpoint ADDRESS:PORT allowed-ips CIDR,…`: one more peer, or what one is from now on. */
export interface WireguardPeerSet extends WireguardPeer {
  readonly op: 'wireguard-peer-set';
  readonly namespace: NamespacePath;
  readonly link: string;
}

/** `wg set LINK peer KEY remove` */
export interface WireguardPeerDelete extends Pick<WireguardPeer, 'publicKey'> {
  readonly op: 'wireguard-peer-delete';
  readonly namespace: NamespacePath;
  readonly link: string;
}

/** A change of what a WireGuard link knows. */
export type WireguardChange = WireguardSet | WireguardPeerSet | WireguardPeerDelete;

/** `sysctl -w`, the key in slash form below /proc/sys: `net/ipv4/conf/eth0/rp_filter`. */
export interface SysctlSet {
  readonly op: 'sysctl-set';
  readonly namespace: NamespacePath;
  readonly key: string;
  readonly value: string;
  /** Nothing to do where the kernel has no such key (IPv6 compiled out or disabled). */
  readonly optional?: boolean;
}

/** `ip netns add NAME`, with `lo` up. It gets its name when it is complete: nobody ever finds one without its label or a sysctl. */
export interface NamespaceAdd {
  readonly op: 'namespace-add';
  readonly name: string;
  /** Whose it is: alias of its `lo`. */
  readonly label?: string;
  readonly sysctls?: readonly Pick<SysctlSet, 'key' | 'value'>[];
}

/** `ip netns del NAME` */
export interface NamespaceDelete {
  readonly op: 'namespace-delete';
  readonly name: string;
  /** One that carries another label, or none, is somebody else's and stays. Left out: whoever's it is. */
  readonly label?: string;
}

/** `ip netns pids NAME | xargs kill -KILL`: ends all programs that run in a named namespace, if it carries the label. */
export interface ProcessesEnd {
  readonly op: 'processes-end';
  readonly name: string;
  readonly label: string;
}

/** Gratuitous ARPs or unsolicited neighbour advertisements, the first one soon after apply has returned (RFC 5227 §3, RFC 4861 §7.2.6). */
export interface Announce {
  readonly op: 'announce';
  readonly namespace: NamespacePath;
  readonly link: string;
  /** Plain address. */
  readonly address: string;
  /** Left out: the link's own. */
  readonly mac?: string;
  /** How many, and ms between them. */
  readonly count: number;
  readonly interval: number;
  /** The first one goes out before apply returns: somebody may still know the address by another MAC. */
  readonly urgent?: boolean;
}

/**
 * Asks a link's neighbours whether anybody has these addresses, before they are taken (RFC 5227 §2.1,
 * RFC 4862 §5.4): IN_USE names who. The link is up, and need not have an address.
 */
export interface AddressProbe {
  readonly op: 'address-probe';
  readonly namespace: NamespacePath;
  readonly link: string;
  /** Plain addresses. */
  readonly addresses: readonly string[];
  /** How often each is asked for, and ms between them and behind the last. */
  readonly count: number;
  readonly interval: number;
}

/** Flows of one protocol, of all ports or of one. */
export interface FlowMatch {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** The flow's original destination port (what the client dialled). */
  readonly originalPort?: number;
}

/** `conntrack -D`: forget flows, so that a re-created container gets them afresh. The table is read once, however many are meant. */
export interface ConntrackFlush {
  readonly op: 'conntrack-flush';
  readonly family: 4 | 6;
  /** Any of these. */
  readonly flows: readonly FlowMatch[];
  /** Of them only those with this original destination address, or translated to it. */
  readonly address?: string;
  /** And all flows, whatever their protocol, to or translated to an address in one of these CIDR blocks. */
  readonly to?: readonly string[];
  /** And all flows that began at an address in one of these. */
  readonly from?: readonly string[];
}

/** Puts a redirect in place, whatever that table held before: `nft -f -` in the namespace. */
export interface RedirectSet extends RedirectState {
  readonly op: 'redirect-set';
}

/** Takes it away: `nft delete table netdev TABLE` in the namespace. */
export interface RedirectDelete extends Pick<RedirectState, 'namespace' | 'table'> {
  readonly op: 'redirect-delete';
}

/** One change to one kernel object. */
export type Op =
  | LinkAdd
  | LinkSet
  | LinkDelete
  | LinkGroupDelete
  | BridgePortSet
  | AddressChange
  | AddressFlush
  | RouteChange
  | EntryChange
  | WireguardChange
  | SysctlSet
  | NamespaceAdd
  | NamespaceDelete
  | ProcessesEnd
  | Announce
  | AddressProbe
  | ConntrackFlush
  | RedirectSet
  | RedirectDelete
  | FirewallCommand;
