/** What has a name, and who may know it: plain data, which crosses threads. */
import type { NamespacePath } from '../kernel/op.ts';

/** A port that an endpoint offers. */
export interface Service {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** The port inside the sandbox. */
  readonly port: number;
}

/** An endpoint as names lead to it. */
export interface NamedEndpoint {
  readonly id: string;
  /** Id of the sandbox that it belongs to: who asks from its addresses. Undefined where nobody's view is known. */
  readonly asker: string | undefined;
  /** Sandbox name, hostname, short id, aliases. The first is the canonical one: its addresses lead back to FIRST.NETWORK. */
  readonly names: readonly string[];
  /** Plain and canonical, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  /** Published and exposed ports. */
  readonly services: readonly Service[];
}

/** A network and everything that has a name there. */
export interface NamedNetwork {
  readonly id: string;
  readonly name: string;
  /**
   * CIDR of the subnets that hold nothing but this network: their reverse names without an endpoint
   * do not exist. Those of a LAN (macvlan, ipvlan) are left out, because others know names there.
   */
  readonly subnets: readonly string[];
  /** Plain addresses that `host.netctl.internal` means there. */
  readonly hostAddresses: readonly string[];
  readonly endpoints: readonly NamedEndpoint[];
}

/** Who asks, and what it sees of the world. */
export interface Asker {
  /** Sandbox id. */
  readonly id: string;
  /** Network ids, best first. */
  readonly networks: readonly string[];
  /** `--link A:alias`: names that only this asker knows, each of an endpoint on one of its networks. They go before other names. */
  readonly aliases: readonly { readonly name: string; readonly endpoint: string }[];
  /** `--add-host NAME:ADDRESS` */
  readonly extraHosts: readonly { readonly name: string; readonly address: string }[];
  /** `--dns`: plain addresses, asked from {@link namespace}. Empty: the host's servers. */
  readonly servers: readonly string[];
  readonly namespace: NamespacePath;
  /** `device:inode` of {@link namespace}, where the path may come to lead elsewhere (`/proc/PID/ns/net`): then nobody is asked from there. */
  readonly identity?: string;
  /** Asker whose servers' earlier answers it may hear. Default: itself. */
  readonly sharesAnswersOf?: string;
  /** False when all its networks are internal. */
  readonly mayUseHostServers: boolean;
  /** `--dns-search` */
  readonly search: readonly string[];
  /** `--dns-option ndots:N`, where the user gave it: names of one label that nobody has are then not asked for outside, as with Docker. */
  readonly ndots: number | undefined;
}

/** A change of what has a name. Each may come again, and in any order: what is missing to be removed is no error. */
export type DirectoryChange =
  | { readonly change: 'set-network'; readonly network: NamedNetwork }
  | { readonly change: 'remove-network'; readonly id: string }
  | { readonly change: 'set-endpoint'; readonly network: string; readonly endpoint: NamedEndpoint }
  | { readonly change: 'remove-endpoint'; readonly network: string; readonly endpoint: string }
  | { readonly change: 'set-asker'; readonly asker: Asker }
  | { readonly change: 'remove-asker'; readonly id: string };
