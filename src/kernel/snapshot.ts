import type { ChildTraits } from './child-traits.ts';
import type { NamespacePath } from './op.ts';

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
  /** Bridge port with hairpin on; undefined when it is no bridge port. */
  readonly hairpin: boolean | undefined;
  /** Bridge port that reaches no other isolated one. */
  readonly isolated?: true;
  /** Global-scope addresses in CIDR form, canonical text. */
  readonly addresses: readonly string[];
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
