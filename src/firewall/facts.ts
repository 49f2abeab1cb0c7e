/**
 * What the packet filter has to do, as plain data. Back ends (nft, iptables) render it; they
 * decide nothing. Everything here is comparable by value.
 */

/** How a network meets the world, per address family (`com.docker.network.bridge.gateway_mode_ipv4`). */
export type GatewayMode =
  | 'nat' // masqueraded out; only published ports in
  | 'nat-unprotected' // masqueraded out; every port reachable by routing
  | 'routed' // no NAT; published ports open, the rest closed
  | 'isolated'; // the bridge has no address; nothing in or out

/** One family of one network. */
export interface FamilyFacts {
  readonly family: 4 | 6;
  /** CIDR. */
  readonly subnets: readonly string[];
  readonly mode: GatewayMode;
  /** Outgoing packets get the host's address (nat modes only). */
  readonly masquerade: boolean;
  /** SNAT to this host address instead of masquerade. */
  readonly source?: string;
}

/** A bridge network as the packet filter sees it. */
export interface NetworkFacts {
  readonly kind: 'network';
  /** Interface name of the bridge: the identity of these facts. */
  readonly bridge: string;
  /** Endpoints may talk to each other. */
  readonly icc: boolean;
  /** Nothing enters or leaves. */
  readonly internal: boolean;
  readonly families: readonly FamilyFacts[];
  /** Host interfaces from which unpublished ports may be reached. */
  readonly trustedInterfaces: readonly string[];
}

/** The host side of an endpoint's veth pair, a port of a bridge without icc; stated for such bridges only. */
export interface BridgePortFacts {
  readonly kind: 'bridge-port';
  readonly link: string;
  readonly bridge: string;
}

/** A host port that leads to an endpoint's port. */
export interface PublishedPortFacts {
  readonly kind: 'published-port';
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Plain host address; undefined: every address of the host. */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly bridge: string;
  readonly address: string;
  readonly port: number;
}

/** A port of an endpoint on a `routed` network that others may reach directly. */
export interface OpenPortFacts {
  readonly kind: 'open-port';
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly bridge: string;
  readonly address: string;
  readonly port: number;
}

/** A port of the host at its own address on a bridge, open to what is behind that bridge whatever else the host lets in. */
export interface HostPortFacts {
  readonly kind: 'host-port';
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly bridge: string;
  /** Plain. */
  readonly address: string;
  readonly port: number;
}

/** A UDP port of the host at which the hosts of a cluster take each other's tunnels, and nobody else's. */
export interface TunnelPortFacts {
  readonly kind: 'tunnel-port';
  readonly family: 4 | 6;
  readonly port: number;
}

/** An address of the host at which it takes tunnels: nobody has a reason to send them to its others. */
export interface TunnelEndFacts {
  readonly kind: 'tunnel-end';
  readonly family: 4 | 6;
  /** Plain. */
  readonly address: string;
}

/** A host of the cluster, which may send there. */
export interface TunnelPeerFacts {
  readonly kind: 'tunnel-peer';
  readonly family: 4 | 6;
  /** Plain. */
  readonly address: string;
}

/** A range of others that may send there: routers that are no hosts of the cluster. Ranges do not overlap. */
export interface TunnelRangeFacts {
  readonly kind: 'tunnel-range';
  readonly family: 4 | 6;
  /** CIDR. */
  readonly subnet: string;
}

/** A link that encrypts what the hosts of a cluster send each other: nothing but tunnels comes by it, and nothing is routed through it. */
export interface TunnelLinkFacts {
  readonly kind: 'tunnel-link';
  readonly link: string;
}

/** The UDP port at which such a link takes what is encrypted, from wherever it comes: who has no key is not heard. */
export interface EncryptedPortFacts {
  readonly kind: 'encrypted-port';
  readonly port: number;
}

/** A VXLAN network of which nothing comes or goes but by tunnel links. */
export interface EncryptedVxlanFacts {
  readonly kind: 'encrypted-vxlan';
  /** UDP. */
  readonly port: number;
  /** 24 bits. */
  readonly vni: number;
}

/**
 * Forwarding was switched on by us on this interface: what comes in there may go to our networks
 * and nowhere else, so that the host routes nothing it did not route before.
 */
export interface GuardFacts {
  readonly kind: 'guard';
  readonly family: 4 | 6;
  readonly link: string;
}

/** A foreign bridge that leads out (it carries a default route), e.g. `br0` over a NIC. */
export interface UplinkFacts {
  readonly kind: 'uplink';
  readonly link: string;
}

/**
 * A bridge that is neither ours nor an uplink, e.g. `docker0`. Only the iptables back end needs to
 * be told, because iptables cannot ask an interface for its kind.
 */
export interface ForeignBridgeFacts {
  readonly kind: 'foreign-bridge';
  readonly link: string;
}

/** One fact. */
export type Fact = NetworkFacts | BridgePortFacts | PublishedPortFacts | OpenPortFacts | HostPortFacts | TunnelPortFacts | TunnelEndFacts | TunnelPeerFacts | TunnelRangeFacts | TunnelLinkFacts | EncryptedPortFacts | EncryptedVxlanFacts | GuardFacts | UplinkFacts | ForeignBridgeFacts;

/** Whether a fact lets something in to the host itself, past what others filter there. */
export function opensHost({ kind }: Fact): boolean {
  return kind === 'host-port' || kind === 'tunnel-port' || kind === 'encrypted-port';
}

/** A text equal for equal facts, whatever the order of their keys, and different for different ones. */
export function factKey(fact: Fact): string {
  return JSON.stringify(fact, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
