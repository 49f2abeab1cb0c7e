/** The port through which everything above reaches the kernel; `openKernel` is the real one. */
import type { NamespacePath, Op } from './op.ts';
import type { RedirectState } from './redirect.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from './snapshot.ts';

/** Something that changed under us and that we did not do ourselves. */
export type KernelEvent =
  | { readonly event: 'link-removed'; readonly name: string; readonly index: number }
  | { readonly event: 'link-changed'; readonly name: string; readonly index: number }
  | { readonly event: 'firewall-changed'; readonly tables: readonly string[] }
  | { readonly event: 'forwarding-changed'; readonly family: 4 | 6; readonly link: string | 'all'; readonly on: boolean }
  | { readonly event: 'routes-changed' }
  /** Of a VXLAN link, or of its bridge: the MACs of permanent forwarding entries that went, and plain addresses of neighbours, be they learned ones. */
  | { readonly event: 'entries-removed'; readonly name: string; readonly index: number; readonly macs: readonly string[]; readonly addresses: readonly string[] }
  /** The kernel dropped events: anything may have changed. */
  | { readonly event: 'overflow' };

/** Where a socket is to be bound in the host's namespace. */
export interface SocketPlace {
  /** Plain address; `::` with dualStack takes both families. On a host without IPv6 that is `0.0.0.0`, bound only. */
  readonly address: string;
  readonly dualStack: boolean;
  /**
   * false: bind only. Nobody else can take the port, and a stray packet is answered by RST.
   * true: for TCP SO_REUSEADDR and listen, to be handed to a server; non-blocking.
   */
  readonly listen: boolean;
}

/** Sockets that are to have one port number. */
export interface SocketRequest {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly places: readonly SocketPlace[];
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Given: the first number from port up to this that is free at every place. */
  readonly lastPort?: number;
}

/** An open socket; disposing closes it unless {@link OpenSocket.detach} gave the descriptor away. */
export interface OpenSocket extends Disposable {
  /** Where it is bound, a plain address. */
  readonly address: string;
  readonly port: number;
  /** Hands the descriptor to the caller, who closes it from then on. */
  detach(): number;
}

/** From where raw UDP is sent and heard: a link, also one that has no address. */
export interface RawUdpPlace {
  readonly namespace: NamespacePath;
  readonly link: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** A datagram that came. */
export interface RawDatagram {
  /** Plain address. */
  readonly from: string;
  readonly mac: string;
  readonly payload: Uint8Array;
}

/** A way to send; what comes back is heard from the first one on. Disposing closes it. */
export interface RawUdp extends Disposable {
  /**
   * @param to plain addresses, and a MAC where it is not for everybody on the link
   * @throws {NetworkError} KERNEL, NOT_FOUND for a namespace that is gone
   */
  send(payload: Uint8Array, to: { readonly from: string; readonly to: string; readonly toPort: number; readonly mac?: string }): Promise<void>;
}

/** What stands at a path where a network namespace may be. */
export interface FoundNamespace {
  readonly path: NamespacePath;
  /** `device:inode`; undefined for a file with no namespace behind it: one that is just being made or removed, or was when its maker was killed. */
  readonly identity: string | undefined;
  /** Whose it is: alias of its loopback link; of a file with no namespace behind it, what stands in it. */
  readonly label: string | undefined;
}

/**
 * The kernel of this host. All calls are carried out one after the other, in order.
 * Close with `await using` or `[Symbol.asyncDispose]`.
 */
export interface Kernel extends AsyncDisposable {
  /**
   * Carries the operations out in order, many to a system call; stops at the first that fails.
   * @throws {NetworkError} KERNEL with errno and the kernel's text, naming the operation; NOT_FOUND for a namespace that is gone; ABORTED
   */
  apply(ops: readonly Op[], signal?: AbortSignal): Promise<void>;
  /** Links, addresses and routes of each namespace; a namespace that is gone is left out. */
  snapshot(namespaces: readonly NamespacePath[], signal?: AbortSignal): Promise<readonly NamespaceSnapshot[]>;
  /** Permanent entries of links' forwarding databases and neighbour tables; a link that is not there is left out. */
  linkTables(requests: readonly TableRequest[]): Promise<readonly LinkTables[]>;
  /**
   * `nft -j ARGUMENTS`: parsed JSON (`{nftables: [...]}`), e.g. `list table inet x`. undefined when there is no such object.
   */
  nftList(command: string): Promise<unknown>;
  /** Those of the redirects that stand exactly so; of a namespace that is gone none. */
  redirectsInPlace(wanted: readonly RedirectState[]): Promise<readonly RedirectState[]>;
  /** Those kinds of link (`dummy`) that this kernel can make. */
  knownLinkKinds(kinds: readonly string[]): Promise<readonly string[]>;
  /** Sysctl value (slash form) in a namespace, trimmed; undefined where there is no such key. */
  sysctl(namespace: NamespacePath, key: string): Promise<string | undefined>;
  /** `device:inode` of the namespace behind a path: equal for two paths to one namespace; undefined when it is no live network namespace. */
  namespaceIdentity(path: NamespacePath): Promise<string | undefined>;
  /** What stands at each path; one at which nothing stands is left out. */
  findNamespaces(paths: readonly NamespacePath[]): Promise<readonly FoundNamespace[]>;
  /** Names of the namespaces below /run/netns, as `ip netns` lists them. */
  namespaceNames(): Promise<readonly string[]>;
  /**
   * Binds sockets in the host's namespace, one request after the other: all of them or none.
   * @returns for each request its sockets, in the order of its places
   * @throws {NetworkError} IN_USE naming address and port, EXHAUSTED when no number is free at all places, UNSUPPORTED when the kernel lacks the protocol, KERNEL
   */
  openSockets(requests: readonly SocketRequest[]): Promise<readonly (readonly OpenSocket[])[]>;
  /** UDP by way of a link that may have no address (packet(7)). What comes to the port by it is told to the listener too. */
  rawUdp(place: RawUdpPlace, listener: (datagram: RawDatagram) => void): RawUdp;
  /** Calls the listener for every foreign change until disposed. */
  watch(listener: (event: KernelEvent) => void): Disposable;
}
