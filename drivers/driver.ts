/**
 * The contract between the controller and a driver. A driver is pure: it turns options into a
 * typed network once, and from then on says how links and packet filter are to be. It never
 * touches the kernel, the store or another driver; creating, restoring, repairing and removing
 * are the same to it, because the controller plans them from the same answers.
 */
import type { Family } from '../src/common/address.ts';
import type { Fact } from '../src/firewall/facts.ts';
import type { LinkState, RouteState } from '../src/kernel/link-state.ts';
import type { NamespacePath } from '../src/kernel/op.ts';
import type { RedirectState } from '../src/kernel/redirect.ts';
import type { WireguardState } from '../src/kernel/wireguard-state.ts';

/** One subnet of a network. */
export interface Subnet {
  /** CIDR. */
  readonly subnet: string;
  /** Plain address of the gateway; left out where the network has none. */
  readonly gateway?: string;
  /** Named addresses that are not given to endpoints. */
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** A network as its user asked for it, with what the driver settled when it was created. */
export interface NetworkSpec {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly internal: boolean;
  readonly ipv4: readonly Subnet[];
  readonly ipv6: readonly Subnet[];
  /** Families whose addresses the LAN's own servers give; it has no subnets then. */
  readonly dhcp?: readonly Family[];
  /** `-o KEY=VALUE`, as given. */
  readonly options: Readonly<Record<string, string>>;
  /** What depended on the host at creation and must not change afterwards (MTU, bridge adopted or not). */
  readonly settled: Readonly<Record<string, string>>;
}

/** What a driver may know about the host when a network is created. */
export interface HostView {
  /** Names and kinds of the links of the host. */
  readonly links: readonly {
    readonly name: string;
    readonly kind: string | undefined;
    readonly mtu: number;
    /** CIDR. */
    readonly addresses: readonly string[];
    readonly up: boolean;
    /** Names of its ports and of the links that stand on it. */
    readonly users: readonly string[];
    /** What it is a port of. */
    readonly port?: { readonly of: string; readonly kind: string | undefined };
    /** Of a VLAN sub-interface. */
    readonly vlan?: { readonly below: string | undefined; readonly id: number };
    /** Kinds of the links in the host's namespace that sit on it. */
    readonly children?: readonly string[];
    /** Name of the network that uses it already. */
    readonly usedBy?: string;
    /** Of bridges that no network uses, what their owner has set: by file name, `route_localnet`, `disable_ipv6`. */
    readonly sysctls?: Readonly<Record<string, string>>;
  }[];
  /** MTU of the link with the default route, bytes; undefined without one. */
  readonly uplinkMtu: number | undefined;
  /** Plain address of that link, by which others reach the host. */
  readonly uplinkAddress?: string;
  /** Where networks can span hosts: bytes that every host's packets to the others may have, encrypted ones too where hosts have keys, and a number that no network has. */
  readonly cluster?: { readonly mtu: number; readonly encryptedMtu?: number; readonly vni: number };
  /** The other networks. */
  readonly networks: readonly { readonly name: string; readonly settled: Readonly<Record<string, string>> }[];
  /** Those of the {@link Driver.kindsInQuestion} that the kernel has. */
  readonly kinds: ReadonlySet<string>;
}

/** A port of an endpoint that others may reach, one family of it. */
export interface PublishedPort {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** Plain address; left out for every address of the host. */
  readonly hostAddress?: string;
  /** 0 where the network is routed and no host port exists. */
  readonly hostPort: number;
}

/** What the LAN's own server said to an endpoint. */
export interface Learned {
  /** All that its interface is to have. */
  readonly routes: readonly RouteState[];
  /** Bytes. */
  readonly mtu?: number;
}

/** What a Docker plugin said when an endpoint joined. */
export interface Joined {
  /** Link in the host's namespace that is to be taken into the sandbox; left out where the plugin has furnished that itself. */
  readonly source?: string;
  /** Plain addresses. */
  readonly gateways: { readonly [Key in Family]?: string };
  readonly routes: readonly RouteState[];
}

/** An endpoint as the driver sees it. */
export interface EndpointSpec {
  readonly id: string;
  readonly mac: string;
  /** CIDR. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Driver options of this endpoint, as given. */
  readonly options: Readonly<Record<string, string>>;
  /** Where it is attached; left out before it joins. */
  readonly attachment?: Attachment;
  /** Another endpoint had one of its addresses before: neighbours may know that one's MAC still. */
  readonly succeeds: boolean;
  /** Families whose default route goes through this endpoint. */
  readonly gatewayFor: readonly Family[];
  /** In a network whose addresses the LAN gives. */
  readonly learned?: Learned;
  /** In the network of a Docker plugin, once it has joined. */
  readonly joined?: Joined;
  readonly ports: readonly PublishedPort[];
}

/** The place of an endpoint's interface. */
export interface Attachment {
  readonly namespace: NamespacePath;
  readonly interface: string;
  /** The engine takes the interface from the host's namespace and configures it itself. */
  readonly handedOver: boolean;
}

/** How the host is to be, for one network or endpoint. */
export interface WantedState {
  readonly links: readonly LinkState[];
  readonly facts: readonly Fact[];
  /** Of a sandbox, in place of links and facts. */
  readonly redirects?: readonly RedirectState[];
}

/** Under this name the address that a network's parent has in a subnet is among the auxiliary ones. */
export const PARENT_ADDRESS = 'parent';

/** What a network that spans hosts knows of the others. */
export interface Reach {
  /** Plain address at which this host takes what the others send. */
  readonly local: string;
  /** Of an encrypted network: where the way to the others begins. Left out where this host has none. */
  readonly tunnel?: Tunnel;
  /** Left out while nothing is known: then what the kernel has of them is left as it is. */
  readonly others?: {
    /** Plain addresses of the hosts that have endpoints in the network: what is for all goes there. */
    readonly hosts: readonly string[];
    readonly endpoints: readonly RemoteEndpoint[];
  };
}

/** The link by which a host sends encrypted to all others. */
export interface Tunnel {
  /** Its name. */
  readonly link: string;
  /** CIDR; what it leads to are the others. */
  readonly address: string;
  /** Bytes. */
  readonly mtu: number;
  readonly wireguard: WireguardState;
}

/** An endpoint on another host. */
export interface RemoteEndpoint {
  readonly mac: string;
  /** Plain. */
  readonly addresses: readonly string[];
  /** Plain address at which its host takes what is for it. */
  readonly host: string;
}

/** Nothing wanted. */
export const NOTHING: WantedState = { links: [], facts: [] };

/** How a family's ports are published. */
export type Publishing = 'nat' | 'routed' | 'none';

/**
 * Where endpoints have their MAC addresses from. `own`: from the controller. `inherited`: from the parent,
 * unless the user gives one. `shared`: from the parent.
 */
export type MacSource = 'own' | 'inherited' | 'shared';

/** What a network means for names. */
export interface NamingTraits {
  /** Plain addresses by which its endpoints reach the host. */
  readonly hostAddresses: readonly string[];
  /** Its subnets hold nothing but its own endpoints: nobody else can name what is in them. */
  readonly isAlone: boolean;
  /** Those of the host's addresses at which names are served too, for guests with a resolver configuration of their own. */
  readonly servedAt: readonly string[];
}

/** A network of a driver, options parsed. */
export interface DriverNetwork {
  /** Bytes. */
  readonly mtu: number;
  /** Prefix of interface names inside a sandbox: `eth`. */
  readonly interfacePrefix: string;
  /** Host address for ports published without one, per family. */
  readonly defaultHostAddress: string | undefined;
  readonly macs: MacSource;
  /** CIDRs of those that may send into its tunnel without being hosts of the cluster. */
  readonly tunnelPeers?: readonly string[];
  /** Link of the host by which the LAN of the network is reached; left out where there is none. */
  readonly lanLink?: string;
  /** What it sends to other hosts goes through their tunnels, and nothing else is taken. */
  readonly isEncrypted?: boolean;
  /** Default routes by this network name no gateway. */
  readonly leadsOnLink: boolean;
  /** How many endpoints it can have; undefined: any number. */
  readonly mostEndpoints: number | undefined;
  /** A link like those of its endpoints, made and removed once at creation: whether the kernel takes it. */
  readonly trial: LinkState | undefined;
  /** Whether endpoints of this family get a default route by this network. */
  givesGateway(family: Family): boolean;
  publishing(family: Family): Publishing;
  naming(): NamingTraits;
  /**
   * Links and rules of the network itself.
   * @param reach of a network that spans hosts
   */
  wanted(reach?: Reach): WantedState;
  /**
   * Checks an endpoint's driver options.
   * @throws {NetworkError} INVALID names the option and what it may be
   */
  checkEndpointOptions(options: Readonly<Record<string, string>>): void;
  /** Links and rules of one endpoint; only rules, or nothing, before it is attached. */
  endpoint(endpoint: EndpointSpec): WantedState;
}

/** A kind of network. */
export interface Driver {
  readonly name: string;
  /** Its subnets are those of a LAN that is there already: not chosen to be out of the host's way, their gateway somebody else's. */
  readonly isOnLan: boolean;
  /** Its networks are there on every host of a cluster, where the host is in one. */
  readonly spansHosts?: true;
  /** Kinds of link of which {@link Driver.settle} has to know whether the kernel has them. */
  kindsInQuestion(options: Readonly<Record<string, string>>): readonly string[];
  /**
   * Checks a new network's options and settles what depends on the host. Asked twice for each: with no subnets
   * before they are chosen, and with those that it will have.
   * @param warn called with a sentence about an option that is ignored
   * @returns the `settled` part of the spec
   * @throws {NetworkError} INVALID, EXISTS, UNSUPPORTED
   */
  settle(spec: Omit<NetworkSpec, 'settled'>, host: HostView, warn?: (message: string) => void): Readonly<Record<string, string>>;
  /**
   * The network behind a spec that {@link settle} accepted.
   * @param label alias text for a link: everything of ours carries one
   * @param shared the alias text of a link that other networks may want too
   */
  open(spec: NetworkSpec, label: (endpointId?: string) => string, shared: string): DriverNetwork;
}
