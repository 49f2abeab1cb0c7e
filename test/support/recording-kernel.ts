import { NetworkError } from '../../src/common/error.ts';
import { kernelError } from '../../src/kernel/errno.ts';
import type { FoundNamespace, Kernel, KernelEvent, OpenSocket, RawUdp, SocketPlace, SocketRequest } from '../../src/kernel/kernel.ts';
import type { NamespacePath, Op } from '../../src/kernel/op.ts';
import { opWords } from '../../src/kernel/op-words.ts';
import type { RedirectState } from '../../src/kernel/redirect.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from '../../src/kernel/snapshot.ts';
import { KernelModel } from './kernel-model.ts';

/** An operation that is to fail, and how. */
export interface ScriptedFailure {
  readonly matches: (op: Op) => boolean;
  readonly error: (op: Op) => Error;
  /** How often; endless with Infinity. */
  times: number;
}

/**
 * A kernel for tests without root: it notes every operation, keeps a small model of links, addresses
 * and routes that {@link snapshot} shows, and fails where it is told to.
 */
export class RecordingKernel implements Kernel {
  /** Every operation that was carried out, in order. */
  readonly ops: Op[] = [];
  /** What is there; a test may change it by hand, as another program would. */
  readonly model: KernelModel = new KernelModel();
  /** Answers of {@link nftList}, by command. */
  readonly nftAnswers: Map<string, unknown> = new Map();
  /** Kinds of link that it has not. */
  readonly lackingKinds: Set<string> = new Set(['dummy']);
  /** Ports that another program holds: `tcp/8080`. */
  readonly busyPorts: Set<string> = new Set();
  /** Sockets that are open now: `tcp/8080`. */
  readonly boundPorts: string[] = [];
  readonly #failures: ScriptedFailure[] = [];
  readonly #listeners = new Set<(event: KernelEvent) => void>();
  #nextPort = 32_768;

  /**
   * The next operations for which the predicate holds are refused.
   * @param error unless told, KERNEL with EPERM
   */
  failOn(matches: (op: Op) => boolean, options: { times?: number; error?: Error } = {}): void {
    const { times = 1, error } = options;
    this.#failures.push({ matches, times, error: (op) => error ?? kernelError(1, opWords(op)) });
  }

  /** Forgets what was noted; the model stays. */
  clear(): void {
    this.ops.length = 0;
  }

  /** Tells every listener, as if the kernel had. */
  emit(event: KernelEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async apply(ops: readonly Op[], signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new NetworkError('ABORTED', 'the caller gave up', { cause: signal.reason });
    for (const op of ops) {
      const failure = this.#failures.find(({ matches, times }) => times > 0 && matches(op));
      if (failure !== undefined) {
        failure.times--;
        throw failure.error(op);
      }
      this.model.change(op);
      this.ops.push(op);
    }
  }

  async snapshot(namespaces: readonly NamespacePath[]): Promise<readonly NamespaceSnapshot[]> {
    return namespaces.flatMap((path) => this.model.snapshot(path) ?? []);
  }

  async linkTables(requests: readonly TableRequest[]): Promise<readonly LinkTables[]> {
    return requests.flatMap((request) => this.model.tables(request) ?? []);
  }

  async nftList(command: string): Promise<unknown> {
    return this.nftAnswers.get(command);
  }

  async redirectsInPlace(wanted: readonly RedirectState[]): Promise<readonly RedirectState[]> {
    return wanted.filter((state) => this.model.hasRedirect(state));
  }

  async knownLinkKinds(kinds: readonly string[]): Promise<readonly string[]> {
    return kinds.filter((kind) => !this.lackingKinds.has(kind));
  }

  async sysctl(namespace: NamespacePath, key: string): Promise<string | undefined> {
    return this.model.sysctl(namespace, key);
  }

  async namespaceIdentity(path: NamespacePath): Promise<string | undefined> {
    return this.model.identity(path);
  }

  async findNamespaces(paths: readonly NamespacePath[]): Promise<readonly FoundNamespace[]> {
    return paths.flatMap((path) => this.model.find(path) ?? []);
  }

  async namespaceNames(): Promise<readonly string[]> {
    return this.model.namespaceNames();
  }

  async openSockets(requests: readonly SocketRequest[]): Promise<readonly (readonly OpenSocket[])[]> {
    using stack = new DisposableStack();
    const opened = requests.map(({ protocol, places, port }) => {
      const number = port === 0 ? this.#nextPort++ : port;
      return places.map((place) => stack.use(this.bind(protocol, place, number)));
    });
    stack.move();
    return opened;
  }

  /** One socket. @throws {NetworkError} IN_USE */
  protected bind(protocol: SocketRequest['protocol'], { address }: SocketPlace, port: number): OpenSocket {
    const key = `${protocol}/${port}`;
    if (this.busyPorts.has(key) || this.boundPorts.includes(key)) throw new NetworkError('IN_USE', `${protocol} port ${port} is in use by another program`);
    this.boundPorts.push(key);
    const close = (): void => {
      const at = this.boundPorts.indexOf(key);
      if (at >= 0) this.boundPorts.splice(at, 1);
    };
    return { address, port, detach: () => -1, [Symbol.dispose]: close };
  }

  /** A link on which nobody answers. */
  rawUdp(): RawUdp {
    return { send: async () => {}, [Symbol.dispose]: () => {} };
  }

  watch(listener: (event: KernelEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }
}
