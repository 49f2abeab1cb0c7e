/** What doors ask of the controller: typed, but not yet checked against anything. */
import type { PortBinding } from '../ports/spec.ts';
import type { Lease, Owner } from './records.ts';

/** A network to be made. */
export interface NetworkRequest {
  readonly name: string;
  /** Default `bridge`. */
  readonly driver?: string;
  /** 64 hex digits; default random. */
  readonly id?: string;
  readonly owner?: Owner;
  /** Default true. */
  readonly ipv4?: boolean;
  /** Default: whether an IPv6 subnet is given. */
  readonly ipv6?: boolean;
  /** CIDRs of either family; default a free one of Docker's pools. */
  readonly subnets?: readonly string[];
  /** CIDRs, each inside one of the subnets. */
  readonly ranges?: readonly string[];
  /** Plain addresses, each inside one of the subnets; default the first of each subnet. */
  readonly gateways?: readonly string[];
  /** Name to plain address. */
  readonly auxiliary?: Readonly<Record<string, string>>;
  /** Who gives addresses. `dhcp`: the servers of the LAN that it is on. Default `default`: this controller. */
  readonly ipam?: string;
  /** Of `dhcp`: `timeout`, how many seconds its server is waited for; default 20. */
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly internal?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly publisher?: 'driver' | 'engine';
  /** As in the record. */
  readonly madeBy?: 'engine';
}

/** How a sandbox is to be attached to a network. */
export interface ConnectRequest {
  /** Name or id. */
  readonly network: string;
  /** Plain addresses; default the lowest free ones. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Default random, and the same for the endpoint's whole life. */
  readonly mac?: string;
  readonly aliases?: readonly string[];
  /** `SANDBOX[:ALIAS]`, good in this network alone. */
  readonly links?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  /** The highest leads out. Default 0. */
  readonly gatewayPriority?: number;
}

/** A sandbox to be made. */
export interface SandboxRequest {
  readonly name: string;
  readonly networks?: readonly ConnectRequest[];
  readonly ports?: readonly PortBinding[];
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly extraHosts?: readonly string[];
  readonly dns?: { readonly servers?: readonly string[]; readonly search?: readonly string[]; readonly options?: readonly string[] };
  readonly links?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly exposed?: readonly string[];
  /** The sandbox goes when this process does. */
  readonly lease?: Lease;
}

/** A veth pair to be put between two sandboxes. */
export interface CableRequest {
  /** Default: the names of both ends. */
  readonly name?: string;
  readonly ends: readonly [CableEndRequest, CableEndRequest];
  /** Bytes; default 1500. */
  readonly mtu?: number;
}

/** One end of it; either a sandbox or a namespace. */
export interface CableEndRequest {
  /** Name or id. */
  readonly sandbox?: string;
  /** Path of a namespace that need not be a sandbox: `/proc/PID/ns/net`. */
  readonly namespace?: string;
  /** Default: the next free of eth0, eth1 … */
  readonly interface?: string;
  /** Default random, and the same for the whole life of the link. */
  readonly mac?: string;
  /** `ADDRESS/LENGTH`; a plain one is an address without a network, with a route to the other end. */
  readonly addresses?: readonly string[];
}

/** An existing namespace to be taken in. */
export interface AdoptRequest extends Omit<SandboxRequest, 'lease'> {
  /** Path of the namespace: `/proc/PID/ns/net`, `/run/netns/NAME`. */
  readonly namespace: string;
}
