/** The port through which everything above reaches the kernel; `openKernel` is the real one. */
import type { NamespacePath, Op } from './op.ts';
import type { NamespaceSnapshot } from './snapshot.ts';

/** Something that changed under us and that we did not do ourselves. */
export type KernelEvent =
  | { readonly event: 'link-removed'; readonly name: string; readonly index: number }
  | { readonly event: 'link-changed'; readonly name: string; readonly index: number }
  | { readonly event: 'firewall-changed'; readonly tables: readonly string[] }
  | { readonly event: 'forwarding-changed'; readonly family: 4 | 6; readonly link: string | 'all'; readonly on: boolean }
  | { readonly event: 'routes-changed' }
  /** The kernel dropped events: anything may have changed. */
  | { readonly event: 'overflow' };

/** A socket to be opened in the host's namespace. */
export interface SocketRequest {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Plain address; `::` with dualStack takes both families. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly dualStack: boolean;
  /**
   * false: bind only. Nobody else can take the port, and a stray packet is answered by RST.
   * true: for TCP SO_REUSEADDR and listen, to be handed to a server; non-blocking.
   */
  readonly listen: boolean;
}

/** An open socket; disposing closes it unless {@link OpenSocket.detach} gave the descriptor away. */
export interface OpenSocket extends Disposable {
  readonly port: number;
  /** Hands the descriptor to the caller, who closes it from then on. */
  detach(): number;
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
  /**
   * `nft -j ARGUMENTS`: parsed JSON (`{nftables: [...]}`), e.g. `list table inet x`. undefined when there is no such object.
   */
  nftList(command: string): Promise<unknown>;
  /** Sysctl value (slash form) in a namespace, trimmed; undefined where there is no such key. */
  sysctl(namespace: NamespacePath, key: string): Promise<string | undefined>;
  /** `device:inode` of the namespace behind a path: equal for two paths to one namespace; undefined when it is no live network namespace. */
  namespaceIdentity(path: NamespacePath): Promise<string | undefined>;
  /** Names of the namespaces below /run/netns, as `ip netns` lists them. */
  namespaceNames(): Promise<readonly string[]>;
  /**
   * Binds a socket in the host's namespace.
   * @throws {NetworkError} IN_USE when the port is taken, UNSUPPORTED when the kernel lacks the protocol, KERNEL
   */
  openSocket(request: SocketRequest): Promise<OpenSocket>;
  /** Calls the listener for every foreign change until disposed. */
  watch(listener: (event: KernelEvent) => void): Disposable;
}
