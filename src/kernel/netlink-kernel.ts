import { closeSync } from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { CallQueue } from './call-queue.ts';
import { runIproute2 } from './iproute2-executor.ts';
import { iptablesProgram, restoreIptables } from './iptables.ts';
import type { FoundNamespace, Kernel, KernelEvent, OpenSocket, RawDatagram, RawUdp, RawUdpPlace, SocketRequest } from './kernel.ts';
import { KernelWorker } from './kernel-worker.ts';
import { namespaceNames } from './named-namespace.ts';
import { listNft, runNft } from './nft-program.ts';
import type { NamespacePath, Op } from './op.ts';
import type { BoundSocket, WorkerCalls, WorkerOp } from './protocol.ts';
import type { RedirectState } from './redirect.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from './snapshot.ts';

/** What the worker does with either executor. */
const BEYOND_IPROUTE2: ReadonlySet<Op['op']> = new Set(['address-probe', 'announce', 'conntrack-flush', 'namespace-add', 'namespace-delete', 'processes-end']);

/** What {@link NetlinkKernel.open} can be told. */
export interface NetlinkKernelOptions {
  /** `iproute2`: links, addresses, routes and sysctls by the programs ip, bridge and sysctl. A namespace that gets its name when it is complete is beyond them. */
  readonly executor?: 'netlink' | 'iproute2' | undefined;
  /** `exec` never uses libnftables. Default: NETCTL_NFT of the environment. */
  readonly nft?: 'library' | 'exec';
  /** Another worker program, for tests. */
  readonly workerFile?: URL;
}

/** The real kernel: netlink and libnftables in one worker thread, programs from the main thread, strictly one after the other. */
export class NetlinkKernel implements Kernel {
  readonly #options: NetlinkKernelOptions;
  readonly #queue = new CallQueue();
  readonly #listeners = new Set<(event: KernelEvent) => void>();
  readonly #rawListeners = new Map<number, (datagram: RawDatagram) => void>();
  #rawCount = 0;
  #worker: KernelWorker;
  #nftInWorker = false;
  #watching = false;
  #closed = false;

  private constructor(options: NetlinkKernelOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  /** Starts the worker. @throws {NetworkError} INTERNAL when it does not come up */
  static async open(options: NetlinkKernelOptions = {}): Promise<NetlinkKernel> {
    const kernel = new NetlinkKernel(options);
    await kernel.#ready();
    return kernel;
  }

  async apply(ops: readonly Op[], signal?: AbortSignal): Promise<void> {
    if (ops.length === 0) return;
    await this.#queue.run(async (given) => {
      let batch: WorkerOp[] = [];
      const flush = async (): Promise<void> => {
        const now = batch;
        batch = [];
        if (now.length > 0) await this.#call('apply', now);
      };
      for (const op of ops) {
        if (this.#isForWorker(op)) {
          batch.push(op);
          continue;
        }
        await flush();
        given.throwIfAborted();
        await this.#byProgram(op);
        given.throwIfAborted();
      }
      await flush();
    }, signal);
  }

  async snapshot(namespaces: readonly NamespacePath[], signal?: AbortSignal): Promise<readonly NamespaceSnapshot[]> {
    return this.#queue.run(async () => this.#call('snapshot', namespaces), signal);
  }

  async linkTables(requests: readonly TableRequest[]): Promise<readonly LinkTables[]> {
    if (requests.length === 0) return [];
    return this.#queue.run(async () => this.#call('linkTables', requests));
  }

  async nftList(command: string): Promise<unknown> {
    return this.#queue.run(async () => (this.#nftInWorker ? this.#call('nftList', command) : listNft(command)));
  }

  async redirectsInPlace(wanted: readonly RedirectState[]): Promise<readonly RedirectState[]> {
    if (wanted.length === 0) return [];
    return this.#queue.run(async () => this.#call('redirectsInPlace', wanted));
  }

  async knownLinkKinds(kinds: readonly string[]): Promise<readonly string[]> {
    if (kinds.length === 0) return [];
    return this.#queue.run(async () => this.#call('knownLinkKinds', kinds));
  }

  async sysctl(namespace: NamespacePath, key: string): Promise<string | undefined> {
    return this.#queue.run(async () => this.#call('sysctl', { namespace, key }));
  }

  async namespaceIdentity(path: NamespacePath): Promise<string | undefined> {
    return this.#queue.run(async () => this.#call('identity', path));
  }

  async findNamespaces(paths: readonly NamespacePath[]): Promise<readonly FoundNamespace[]> {
    return paths.length === 0 ? [] : this.#queue.run(async () => this.#call('findNamespaces', paths));
  }

  async namespaceNames(): Promise<readonly string[]> {
    return this.#queue.run(namespaceNames);
  }

  async openSockets(requests: readonly SocketRequest[]): Promise<readonly (readonly OpenSocket[])[]> {
    if (requests.length === 0) return [];
    const bound = await this.#queue.run(async () => this.#call('openSockets', requests));
    return bound.map((sockets) => sockets.map(handle));
  }

  rawUdp(place: RawUdpPlace, listener: (datagram: RawDatagram) => void): RawUdp {
    this.#rawCount += 1;
    const id = this.#rawCount;
    this.#rawListeners.set(id, listener);
    return {
      send: (payload, to) => this.#queue.run(async () => this.#call('rawSend', { ...place, ...to, id, payload })),
      [Symbol.dispose]: () => {
        // It goes with its worker.
        if (this.#rawListeners.delete(id) && !this.#closed) this.#queue.run(async () => this.#call('rawClose', id)).catch(() => {});
      },
    };
  }

  watch(listener: (event: KernelEvent) => void): Disposable {
    this.#listeners.add(listener);
    this.#setWatching();
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        this.#setWatching();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    await this.#queue.run(async () => {
      this.#closed = true;
      await this.#worker.close();
    });
  }

  #start(): KernelWorker {
    this.#watching = false;
    return new KernelWorker(
      (event) => this.#onEvent(event),
      (id, datagram) => this.#rawListeners.get(id)?.(datagram),
      this.#options.workerFile,
    );
  }

  async #ready(): Promise<void> {
    const nftables = await this.#worker.ready();
    const wanted = this.#options.nft ?? (process.env['NETCTL_NFT'] === 'exec' ? 'exec' : 'library');
    this.#nftInWorker = nftables && wanted === 'library';
  }

  async #call<Name extends keyof WorkerCalls>(name: Name, args: WorkerCalls[Name]['arguments']): Promise<WorkerCalls[Name]['result']> {
    if (this.#closed) throw new NetworkError('UNAVAILABLE', 'the kernel was closed');
    if (!this.#worker.alive) {
      this.#worker = this.#start();
      await this.#ready();
      if (this.#listeners.size > 0) {
        await this.#worker.call('watch', true);
        this.#watching = true;
        // Nobody looked while there was no worker.
        this.#onEvent({ event: 'overflow' });
      }
    }
    return this.#worker.call(name, args);
  }

  #isForWorker(op: Op): op is WorkerOp {
    if (op.op === 'iptables-restore') return false;
    if (op.op === 'nft') return this.#nftInWorker || op.empty !== undefined;
    return this.#options.executor !== 'iproute2' || BEYOND_IPROUTE2.has(op.op);
  }

  async #byProgram(op: Op): Promise<void> {
    let ownId: number | undefined;
    const onStart = (processId: number): void => void (ownId = processId);
    // What a program of ours changes is no news to anybody who watches.
    if (this.#watching) await this.#call('programBegin', { ops: [op], program: programOf(op) });
    try {
      if (op.op === 'nft') await runNft(op.script, { onStart });
      else if (op.op === 'iptables-restore') await restoreIptables(op, { onStart });
      else await runIproute2(op);
    } finally {
      if (this.#watching) await this.#call('programEnd', ownId);
    }
  }

  #setWatching(): void {
    const settle = async (): Promise<void> => {
      const wanted = this.#listeners.size > 0;
      if (wanted === this.#watching || this.#closed) return;
      await this.#call('watch', wanted);
      this.#watching = wanted;
    };
    // It fails only with the worker, which the next call finds out.
    this.#queue.run(settle).catch(() => this.#onEvent({ event: 'overflow' }));
  }

  #onEvent(event: KernelEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function handle({ fd, address, port }: BoundSocket): OpenSocket {
  let open = true;
  return {
    address,
    port,
    detach: () => {
      open = false;
      return fd;
    },
    [Symbol.dispose]: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function programOf(op: Op): string {
  if (op.op === 'iptables-restore') return iptablesProgram(op.family, op.variant, 'restore');
  return op.op === 'nft' ? 'nft' : 'ip';
}
