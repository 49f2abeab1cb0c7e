import type { ChildTraits } from './child-traits.ts';
import type { FdbState, NeighbourState } from './forwarding-state.ts';
import type { NamespacePath } from './op.ts';
import type { VxlanTraits } from './vxlan-traits.ts';
import type { WireguardSnapshot } from './wireguard-state.ts';

/** One link as the kernel reports it. */
export interface LinkSnapshot {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, …; undefined for hardware. */
  readonly kind: string | undefined;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Carrier present (operstate). */
  readonly running: boolean;
  readonly masterIndex: number | undefined;
  readonly alias: string | undefined;
  readonly group: number;
  /** IFLA_LINK: index of a veth's other end, or of the parent link. */
  readonly peerIndex: number | undefined;
  /** IFLA_LINK_NETNSID: set when that other end lives in another namespace. */
  readonly peerNamespaceId: number | undefined;
  /** Of a VLAN, macvlan or ipvlan link. */
  readonly traits?: ChildTraits;
  /** Of a VXLAN link with a VNI and a local address. */
  readonly vxlan?: VxlanTraits;
  /** Bridge port with hairpin on; undefined when it is no bridge port. */
  readonly hairpin: boolean | undefined;
  /** Bridge port that reaches no other isolated one. */
  readonly isolated?: true;
  /** Bridge port by which nothing is learned. */
  readonly learning?: false;
  readonly neighbourSuppression?: true;
  /** Global-scope addresses in CIDR form, canonical text. */
  readonly addresses: readonly string[];
  /** Permanent entries, where {@link LinkTables} were asked for. */
  readonly forwarding?: readonly FdbState[];
  readonly neighbours?: readonly NeighbourState[];
  readonly wireguard?: WireguardSnapshot;
}

/** A link whose tables are to be read, and which of them: there may be tens of thousands of entries. */
export interface TableRequest {
  readonly namespace: NamespacePath;
  readonly link: string;
  readonly forwarding: boolean;
  readonly neighbours: boolean;
  /** Of a WireGuard link: its keys and peers. */
  readonly wireguard?: boolean;
}

/** The permanent entries of a link's tables. */
export interface LinkTables {
  readonly namespace: NamespacePath;
  readonly link: string;
  readonly forwarding?: readonly FdbState[];
  readonly neighbours?: readonly NeighbourState[];
  readonly wireguard?: WireguardSnapshot;
}

/** One unicast route of the main table. */
export interface RouteSnapshot {
  /** CIDR; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly destination: string;
  readonly gateway: string | undefined;
  readonly linkIndex: number | undefined;
  readonly metric: number;
  /** rtm_protocol: 2 kernel, 3 boot, 4 static, 16 dhcp … */
  readonly protocol: number;
}

/** What one namespace holds. */
export interface NamespaceSnapshot {
  readonly namespace: NamespacePath;
  readonly links: readonly LinkSnapshot[];
  readonly routes: readonly RouteSnapshot[];
}
