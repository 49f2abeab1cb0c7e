import type { NamespacePath } from '../kernel/op.ts';
import type { DnsStats } from './dns-stats.ts';
import type { DirectoryChange } from './names.ts';

/** Ports of 127.0.0.11 at which a sandbox's names are served, chosen by the kernel. */
export interface DnsPorts {
  readonly udp: number;
  readonly tcp: number;
}

/**
 * The name server of this host, as its owner sees it: names go in, ports come out. Questions are
 * answered by a thread of its own. {@link openDnsServer} starts it; everything that it has open ends with it.
 */
export interface DnsServer extends AsyncDisposable {
  /**
   * Changes what has a name, in order. Resolves when every later query sees it.
   * @throws {NetworkError} INTERNAL when the thread is gone, UNAVAILABLE after the server was closed: so does every call
   */
  update(changes: readonly DirectoryChange[]): Promise<void>;
  /**
   * Serves an asker on 127.0.0.11 of a namespace, by UDP and TCP. Asked again for the same namespace
   * it gives the same ports; for another one it moves there.
   * The namespace lives as long as it is served, whoever deletes its name.
   * @throws {NetworkError} NOT_FOUND for a namespace that is not there, KERNEL where its `lo` is down
   */
  listen(asker: string, namespace: NamespacePath): Promise<DnsPorts>;
  /** Closes what {@link listen} opened, connections included; fine when there is nothing. */
  unlisten(asker: string): Promise<void>;
  /**
   * Serves the askers of a network at port 53 of an address of this host, each known by its source address.
   * @param address plain address that the host has already
   * @throws {NetworkError} IN_USE naming the program that has the port and what to do, KERNEL
   */
  listenOnGateway(network: string, address: string): Promise<void>;
  /** Closes what {@link listenOnGateway} opened for a network, at all of its addresses; fine when there is nothing. */
  unlistenOnGateway(network: string): Promise<void>;
  /** What has been asked so far. */
  stats(): Promise<DnsStats>;
}
