/**
 * How links are to be, as data. Drivers produce it, the planner compares it with what is there.
 * A field that is left out is nobody's business: it is neither set nor repaired.
 */
import type { ChildTraits } from './child-traits.ts';
import type { FdbState, NeighbourState } from './forwarding-state.ts';
import type { LinkKind, NamespacePath } from './op.ts';
import type { VxlanTraits } from './vxlan-traits.ts';
import type { WireguardState } from './wireguard-state.ts';

/** A route that leaves by the link it stands at. */
export interface RouteState {
  /** CIDR; `0.0.0.0/0` and `::/0` are default routes. */
  readonly destination: string;
  /** Plain address; left out for an on-link route. */
  readonly gateway?: string;
  readonly metric?: number;
}

/** A link and everything that hangs on it. */
export interface LinkState {
  readonly namespace: NamespacePath;
  readonly name: string;
  /** `other`: whatever somebody else made of it. */
  readonly type: LinkKind['type'] | 'other';
  /** Of a link on top of another one: what it is, and the name of that other one in the host's namespace. */
  readonly traits?: ChildTraits;
  readonly parent?: string;
  /** Of a VXLAN link: what it is. One that is something else is made anew. */
  readonly vxlan?: VxlanTraits;
  /** Of a WireGuard link: its key and its peers. */
  readonly wireguard?: WireguardState;
  /** Several networks may want it: it comes with the first and goes with the last. */
  readonly shared?: boolean;
  /** Somebody else (the engine) takes it into this namespace and configures it there: only making and removing it is ours. */
  readonly handedOver?: NamespacePath;
  /** Somebody else made it in the host's namespace, under this name: it is taken from there, and given back when it is let go. */
  readonly lent?: string;
  /** Ours, marked with this alias. Left out for a link that somebody else made: used, never created or deleted. */
  readonly label?: string;
  readonly up?: boolean;
  /** Of a link that is not ours: it was down, and is to be down again when it is let go. */
  readonly foundDown?: FoundDown;
  readonly mac?: string;
  readonly mtu?: number;
  readonly master?: string;
  readonly hairpin?: boolean;
  /** As it is; never wanted. */
  readonly isolated?: boolean;
  /** Of a bridge port, as is the next. */
  readonly learning?: boolean;
  readonly neighbourSuppression?: boolean;
  /** The permanent entries of its forwarding database: of a VXLAN link its own, of a bridge port the static ones of the bridge. These and no others. */
  readonly forwarding?: readonly FdbState[];
  /** Its permanent neighbours, these and no others. The kernel forgets them all when the link's MAC changes: a bridge has to have one of its own. */
  readonly neighbours?: readonly NeighbourState[];
  /** CIDR, canonical text. */
  readonly addresses?: readonly string[];
  readonly routes?: readonly RouteState[];
  /** Below `net/FAMILY/conf/LINK/` or `net/FAMILY/neigh/LINK/`: full slash keys, written before the link goes up. */
  readonly sysctls?: readonly SysctlState[];
  /** Gratuitous ARP / unsolicited NA for every new address: how many, ms between them, and whether the first must be out before anything else is said. */
  readonly announce?: { readonly count: number; readonly interval: number; readonly urgent?: boolean };
  /** Addresses (CIDR) that somebody else may have: asked when the link is made, unless it is only put back. */
  readonly probe?: readonly string[];
  /** The other end of a veth pair; stated at one end only. */
  readonly peer?: PeerState;
}

/** How somebody else's link was before we set it up. */
export interface FoundDown {
  /** CIDR */
  readonly addresses: readonly string[];
  /** Names of its ports and of the links that stood on it. */
  readonly users: readonly string[];
}

/** What a link is to its bridge. */
type PortField = 'master' | 'hairpin' | 'isolated' | 'learning' | 'neighbourSuppression' | 'forwarding';

/** The far end of a veth pair. */
export interface PeerState extends Omit<LinkState, 'type' | 'traits' | 'parent' | 'vxlan' | 'wireguard' | 'shared' | 'handedOver' | 'lent' | 'probe' | 'peer' | PortField | 'neighbours'> {
  /** Somebody else (the engine) moves and configures it after it was made: only its creation is ours. */
  readonly handedOver?: boolean;
}

/** One sysctl. */
export interface SysctlState {
  /** Slash form below /proc/sys. */
  readonly key: string;
  readonly value: string;
  /** Written when a link that is not ours is let go; left out where it does not matter. */
  readonly restore?: string;
}
