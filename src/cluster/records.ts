/** What the hosts of a cluster write down for each other, below one prefix of their shared store. Plain JSON. */

/** A host that takes part. Bound to its lease: it is there as long as the host is. */
export interface HostRecord {
  /** Instance id of its state folder, eight hex digits. */
  readonly id: string;
  /** Its host name. */
  readonly name: string;
  /** Plain address at which it takes what the others send: that of its VTEP. */
  readonly address: string;
  /** Bytes that a packet to the others may have. */
  readonly mtu: number;
  /** CIDR of what it reaches directly: subnets of the cluster stay clear of it. */
  readonly reaches: readonly string[];
  /** How it takes what is encrypted; hosts without WireGuard in their kernel, or of older releases, have none. */
  readonly wireguard?: {
    /** Base64. The private one never leaves its host. */
    readonly publicKey: string;
    /** UDP. */
    readonly port: number;
  };
}

/** One subnet of a network. */
export interface SharedSubnet {
  /** CIDR. */
  readonly subnet: string;
  readonly range?: string;
  /** Plain address of the gateway, the same on every host. */
  readonly gateway?: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** A network that every host has. Never changed after it was made. */
export interface SharedNetwork {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly vni: number;
  /** Bytes. */
  readonly mtu: number;
  readonly internal: boolean;
  readonly ipv4: readonly SharedSubnet[];
  readonly ipv6: readonly SharedSubnet[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: string;
  /** By an engine's request: it goes when the last engine has left it. */
  readonly madeBy?: 'engine';
}

/** An endpoint, as the other hosts have to know it. Not bound to a lease: when its host is gone, they say for themselves how long it counts. */
export interface SharedEndpoint {
  /** 64 hex digits. */
  readonly id: string;
  readonly networkId: string;
  /** Of the {@link HostRecord}. */
  readonly hostId: string;
  readonly mac: string;
  /** CIDR */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** The first is its own. */
  readonly names: readonly string[];
  /** `PORT/PROTOCOL` */
  readonly services: readonly string[];
}

/** A part of a subnet from which one host alone gives addresses. */
export interface BlockRecord {
  readonly networkId: string;
  /** CIDR */
  readonly block: string;
  readonly hostId: string;
}

/** The engine of a host has a network of its own that is this one: it stays. */
export interface JoinedRecord {
  readonly networkId: string;
  readonly hostId: string;
}

/** A host asks for blocks of a network back that are not in use. */
export interface RecallRecord {
  readonly networkId: string;
  /** Who asks. */
  readonly hostId: string;
}

/** An address in the block of another host, which has to agree before it is used. */
export interface ClaimRecord {
  readonly networkId: string;
  /** Plain. */
  readonly address: string;
  /** Who asks. */
  readonly hostId: string;
  /** What the owner of the block says; left out while it has not. */
  readonly answer?: 'granted' | 'refused';
  /** Why it is refused. */
  readonly reason?: string;
}
