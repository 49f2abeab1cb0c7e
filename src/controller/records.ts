/** What is written down: the wanted state, and nothing that can be found out again. Plain JSON. */
import type { Joined } from '../../drivers/driver.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { WireguardState } from '../kernel/wireguard-state.ts';
import type { PortBinding } from '../ports/spec.ts';

/** A subnet of a network. */
export interface SubnetRecord {
  /** CIDR */
  readonly subnet: string;
  /** CIDR of the part from which addresses are given automatically. */
  readonly range?: string;
  /** Plain address. */
  readonly gateway?: string;
  readonly auxiliary: Readonly<Record<string, string>>;
  /** Id of the pool of `tsipam` that holds the addresses; of one that a Docker plugin gave, the plugin's name and a space before it. */
  readonly poolId?: string;
}

/** Who made a network, and who gives its addresses. */
export type Owner = 'netctl' | 'engine';

/** A network. */
export interface NetworkRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** ISO 8601. */
  readonly created: string;
  readonly owner: Owner;
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly settled: Readonly<Record<string, string>>;
  readonly ipv4: readonly SubnetRecord[];
  readonly ipv6: readonly SubnetRecord[];
  /** Families whose addresses the LAN's own servers give; there are no subnets then. */
  readonly dhcp?: readonly (4 | 6)[];
  /** How long such a server is waited for, ms. */
  readonly dhcpPatience?: number;
  /** Its driver is a Docker plugin: whether that has been told of the network; `asked` while its answer has not been heard. */
  readonly remote?: 'untold' | 'asked' | 'told';
  /** It spans the hosts of a cluster: whether the others know of it. */
  readonly cluster?: 'told' | 'untold';
  /** Docker plugin that gives its addresses; `null`: nobody does, and its driver may. */
  readonly ipam?: string;
  /** It spans the hosts of a cluster, and an engine asked for it: it goes when the last engine has left it. */
  readonly madeBy?: 'engine';
  /** `engine` networks: who publishes ports, this driver or the engine through docker_gwbridge. */
  readonly publisher?: 'driver' | 'engine';
  /** `engine` networks: id of the engine that lists it, once that is known. */
  readonly engine?: string;
}

/** A network of an engine that is one of the cluster's: another name of that one, on this host. */
export interface EngineNetworkRecord {
  /** 64 hex digits: the engine's. */
  readonly id: string;
  /** Of the network that it is. */
  readonly networkId: string;
  readonly created: string;
  /** What the engine calls it, and the engine's own id, once they are known. */
  readonly name?: string;
  readonly engine?: string;
}

/** Where it is written down. */
export function engineNetworkKey(id: string): string {
  return `engine-network/${id}`;
}

/** The process that a sandbox lives for: `netctl run`. */
export interface Lease {
  readonly pid: number;
  /** Start time in clock ticks after boot (field 22 of /proc/PID/stat): pids are used again. */
  readonly startTime: string;
}

/** A sandbox: a network namespace with names of its own. */
export interface SandboxRecord {
  readonly id: string;
  readonly name: string;
  /** `named`: made by us below /run/netns. `adopted`: somebody else's, only used. */
  readonly kind: 'named' | 'adopted';
  readonly namespace: string;
  /** `device:inode` of an adopted namespace: a path may come to mean another. */
  readonly identity?: string;
  readonly created: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME:ADDRESS` */
  readonly extraHosts: readonly string[];
  readonly dns: { readonly servers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[] };
  readonly links: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly exposed: readonly string[];
  readonly ports: readonly ReservedPort[];
  /** What was asked for, where the ports do not say it: a number was open, or none is needed where the sandbox is now. */
  readonly wishes?: readonly PortBinding[];
  readonly lease?: Lease;
  /** Files below /etc/netns/NAME that were there before. */
  readonly kept?: readonly ('hosts' | 'resolv.conf' | 'hostname')[];
}

/** Where a sandbox is written down. */
export function sandboxKey(id: string): string {
  return `sandbox/${id}`;
}

/** What an endpoint has of the LAN's own servers. */
export interface DhcpRecord {
  /** Plain address that its user asked for. */
  readonly wanted?: string;
  readonly lease?: DhcpLease;
  readonly lease6?: DhcpLease;
}

/** One attachment of a sandbox, or of an engine's container, to a network. */
export interface EndpointRecord {
  readonly id: string;
  readonly name: string;
  readonly networkId: string;
  /** Engine endpoints in a network of the cluster: what the engine's network is called that it was made in. */
  readonly engineNetwork?: string;
  /** Undefined for an engine's endpoint. */
  readonly sandboxId?: string;
  readonly created: string;
  readonly mac: string;
  /** CIDR */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** In a network whose addresses the LAN gives; the leased ones are `ipv4` and `ipv6` as well. */
  readonly dhcp?: DhcpRecord;
  readonly aliases: readonly string[];
  /** Names that its sandbox alone knows neighbours in this network by: `SANDBOX[:ALIAS]`. */
  readonly links?: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
  readonly attachment?: AttachmentRecord;
  /** Engine endpoints: ports programmed at this endpoint. */
  readonly ports: readonly ReservedPort[];
  /** In a network whose addresses a Docker plugin gives: plain addresses that its user asked for. */
  readonly grant?: { readonly ipv4?: string; readonly ipv6?: string };
  /** In the network of a Docker plugin. */
  readonly remote?: RemoteRecord;
  /** Engine endpoints: their container, once something is known of it. */
  readonly container?: ContainerRecord;
}

/** An engine's container; its name and aliases are those of its endpoint. */
export interface ContainerRecord {
  readonly id: string;
  readonly hostname: string;
  /** As in {@link SandboxRecord.exposed}. */
  readonly exposed: readonly string[];
}

/** Where an endpoint's interface is. */
export interface AttachmentRecord {
  readonly namespace: string;
  readonly interface: string;
  /** The engine moves and configures it. */
  readonly handedOver: boolean;
  /** An engine's endpoint that we had to make again: families whose default route goes through it. */
  readonly leads?: readonly (4 | 6)[];
}

/** A link of an endpoint that is gone, in a namespace of somebody else: to be deleted there. */
export interface DepartureRecord {
  /** The endpoint's. */
  readonly id: string;
  readonly namespace: string;
  /** Alias of the link. */
  readonly label: string;
}

/** How an endpoint stands with the Docker plugin of its network. */
export interface RemoteRecord {
  /** What the plugin said when it joined, and `device:inode` of the namespace that it joined. */
  readonly joined?: Joined & { readonly identity: string };
  /** The plugin knows that the sandbox's way out goes through it. */
  readonly programmed?: boolean;
}

/** What Docker plugins have to be told still: that an endpoint or a network is gone. Those of a network have no `endpoint`. */
export interface FarewellRecord {
  /** Of the endpoint or network. */
  readonly id: string;
  readonly networkId: string;
  /** Name of the plugin that drives the network; left out where it has not heard of this. */
  readonly driver?: string;
  /** How far the endpoint had come. */
  readonly endpoint?: 'created' | 'joined' | 'programmed';
  /** Name of the plugin that gave addresses. */
  readonly ipam?: string;
  readonly addresses: readonly { readonly poolId: string; readonly address: string }[];
  readonly pools: readonly string[];
}

/** Where a farewell is written down. */
export function farewellKey(id: string): string {
  return `farewell/${id}`;
}

/** A part of a subnet of a cluster's network from which this host alone gives addresses. */
export interface BlockRecord {
  /** Network and block, one after the other. */
  readonly id: string;
  readonly networkId: string;
  /** CIDR */
  readonly subnet: string;
  readonly block: string;
}

/** The cluster that this host is in, as it was found last. */
export interface MembershipRecord {
  /** Of the servers, and of the store in them. */
  readonly clusterId: string;
  readonly instanceId: string;
  /** Plain address of this host in it. */
  readonly address: string;
  /** What this host needs to encrypt; records of older releases lack it. */
  readonly tunnel?: Omit<WireguardState, 'peers'> & {
    /** Bytes, of the underlay. */
    readonly mtu: number;
  };
}

/** Stands for the servers' id where the cluster stands in a file. */
export const STATIC_CLUSTER = 'static';

/** Where it is written down. */
export const MEMBERSHIP_KEY = 'cluster/membership';

/** Where the other hosts of the cluster are written down: they count, and may send here, also before the cluster has been heard of. */
export const PEERS_KEY = 'cluster/peers';

/** Where a block is written down. */
export function blockRecordKey(id: string): string {
  return `block/${id}`;
}

/** An address out of one of our blocks that another host has. */
export interface LoanRecord {
  /** Network and address, one after the other. */
  readonly id: string;
  readonly networkId: string;
  /** Plain. */
  readonly address: string;
  readonly hostId: string;
}

/** Where a loan is written down. */
export function loanKey(id: string): string {
  return `loan/${id}`;
}

/** A cable, which users call a link: a veth pair between two sandboxes, with no bridge. */
export interface CableRecord {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  /** Bytes. */
  readonly mtu: number;
  /** Of its routes: 0 for the first of several that lead to one address. */
  readonly metric: number;
  readonly ends: readonly [CableEndRecord, CableEndRecord];
}

/** Where a cable is plugged in: a sandbox, or a namespace of somebody else's that was not adopted (`device:inode` tells it from a later one at its path). */
export type CablePlace = { readonly sandboxId: string } | { readonly namespace: string; readonly identity: string };

/** One end of a cable. */
export type CableEndRecord = CablePlace & {
  readonly interface: string;
  readonly mac: string;
  /** CIDR; one without a network has the full length. */
  readonly addresses: readonly string[];
};

/** Where a cable is written down. */
export function cableKey(id: string): string {
  return `cable/${id}`;
}

/** Owner of an address that a network's gateway has. */
export const GATEWAY_OWNER = 'the gateway';

/** A pool that the engine asked of `tsipam` or `tsdhcp`. */
export interface PoolRecord {
  readonly id: string;
  readonly family: 4 | 6;
  readonly subnet: string;
  readonly range?: string;
  /** `tsipam` with `network=NAME`: the network of the cluster that it is for. */
  readonly network?: string;
  /** The same by its id, as soon as it is there: its addresses are those of that network from then on. */
  readonly networkId?: string;
  /** `tsdhcp`: the link of the host on whose LAN a server gives the addresses. */
  readonly parent?: string;
  /** How long that server is waited for, ms. */
  readonly patience?: number;
  /** Plain addresses that containers had there, by name, the latest last: they are asked for again. */
  readonly former?: Readonly<Record<string, string>>;
  /** Id of the engine that has a network in it, once that is known. */
  readonly engine?: string;
  /** Plain addresses given out, each with who asked. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Where a pool is written down. */
export function poolKey(id: string): string {
  return `pool/${id}`;
}

/** An address that the engine asked of `tsdhcp` for a container, and holds. */
export interface LeasedAddressRecord {
  readonly id: string;
  readonly created: string;
  readonly poolId: string;
  readonly mac: string;
  /** Name of the container, where the engine says it. */
  readonly container?: string;
  /** Plain address: the one asked for by name, or the one that was lent first. */
  readonly address?: string;
  /** Undefined before the first one, and when it was lost. */
  readonly lease?: DhcpLease;
}

/** Where such an address is written down. */
export function leasedAddressKey(id: string): string {
  return `lease/${id}`;
}
