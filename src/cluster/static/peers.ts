import type { Cidr } from '../../common/cidr.ts';

/** A cluster that stands in a file, as every host of it has one. */
export interface Peers {
  /** Path of the file. */
  readonly file: string;
  /** Of what stands in it: the same on hosts that have the same file, eight hex digits. */
  readonly digest: string;
  /** Bytes that a packet between the hosts may have. */
  readonly mtu: number;
  /** Plain address of each host, by its name. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly networks: readonly PeersNetwork[];
}

/** One of its networks. */
export interface PeersNetwork {
  readonly name: string;
  readonly vni: number;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly subnets: readonly PeersSubnet[];
  /** By the host that gives its addresses. */
  readonly blocks: ReadonlyMap<string, readonly Cidr[]>;
  /** Plain addresses by the name that leads to them. */
  readonly names: ReadonlyMap<string, string>;
}

/** One of its subnets. */
export interface PeersSubnet {
  readonly subnet: Cidr;
  /** Plain address, the same on every host. */
  readonly gateway: string;
}
