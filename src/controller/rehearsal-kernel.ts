import type { FoundNamespace, Kernel, KernelEvent, OpenSocket, RawUdp, SocketRequest } from '../kernel/kernel.ts';
import type { NamespacePath, Op } from '../kernel/op.ts';
import type { RedirectState } from '../kernel/redirect.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from '../kernel/snapshot.ts';

/** Reads the real kernel and writes down what would be done to it. */
export class RehearsalKernel implements Kernel {
  readonly ops: Op[] = [];
  readonly #real: Kernel;

  constructor(real: Kernel) {
    this.#real = real;
  }

  async apply(ops: readonly Op[]): Promise<void> {
    this.ops.push(...ops);
  }

  snapshot(namespaces: readonly NamespacePath[], signal?: AbortSignal): Promise<readonly NamespaceSnapshot[]> {
    return this.#real.snapshot(namespaces, signal);
  }

  linkTables(requests: readonly TableRequest[]): Promise<readonly LinkTables[]> {
    return this.#real.linkTables(requests);
  }

  nftList(command: string): Promise<unknown> {
    return this.#real.nftList(command);
  }

  redirectsInPlace(wanted: readonly RedirectState[]): Promise<readonly RedirectState[]> {
    return this.#real.redirectsInPlace(wanted);
  }

  knownLinkKinds(kinds: readonly string[]): Promise<readonly string[]> {
    return this.#real.knownLinkKinds(kinds);
  }

  sysctl(namespace: NamespacePath, key: string): Promise<string | undefined> {
    return this.#real.sysctl(namespace, key);
  }

  namespaceIdentity(path: NamespacePath): Promise<string | undefined> {
    return this.#real.namespaceIdentity(path);
  }

  findNamespaces(paths: readonly NamespacePath[]): Promise<readonly FoundNamespace[]> {
    return this.#real.findNamespaces(paths);
  }

  namespaceNames(): Promise<readonly string[]> {
    return this.#real.namespaceNames();
  }

  /** Ports are really tried, and given back when the rehearsal ends. */
  openSockets(requests: readonly SocketRequest[]): Promise<readonly (readonly OpenSocket[])[]> {
    return this.#real.openSockets(requests.map((request) => ({ ...request, places: request.places.map((place) => ({ ...place, listen: false })) })));
  }

  /** Nobody is asked for anything. */
  rawUdp(): RawUdp {
    return { send: async () => {}, [Symbol.dispose]: () => {} };
  }

  watch(_listener: (event: KernelEvent) => void): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
