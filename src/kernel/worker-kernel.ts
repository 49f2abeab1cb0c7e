import { NetworkError } from '../common/error.ts';
import { Announcer } from './announcer.ts';
import { flushConntrack } from './conntrack.ts';
import { Channel } from './netlink/channel.ts';
import { readNamespace } from './netlink/snapshot.ts';
import { Namespaces } from './netns.ts';
import { NetlinkSession } from './netlink-session.ts';
import { NftLibrary } from './nft-library.ts';
import type { NamespacePath } from './op.ts';
import { openSocket } from './open-socket.ts';
import type { WorkerCalls, WorkerEvent, WorkerOp, WorkerRequest } from './protocol.ts';
import type { NamespaceSnapshot } from './snapshot.ts';
import { readSysctl } from './sysctl.ts';

/** Everything that the worker can do, one call after the other. */
export class WorkerKernel implements Disposable {
  readonly #namespaces = new Namespaces();
  readonly #nft: NftLibrary | undefined = NftLibrary.open();
  readonly #announcer = new Announcer(this.#namespaces, () => performance.now());
  readonly #report: (event: WorkerEvent) => void;

  constructor(report: (event: WorkerEvent) => void) {
    this.#report = report;
  }

  /** libnftables is there. */
  get hasNftables(): boolean {
    return this.#nft !== undefined;
  }

  /** Descriptors that become readable when the kernel has events. */
  get eventFds(): readonly number[] {
    return [];
  }

  [Symbol.dispose](): void {
    this.#nft?.[Symbol.dispose]();
    this.#namespaces[Symbol.dispose]();
  }

  /** ms until {@link keepAppointments} has something to do; undefined when it never will. */
  nextAppointment(): number | undefined {
    return this.#announcer.next;
  }

  /** Does what is due. */
  keepAppointments(): void {
    this.#announcer.keep();
  }

  /** Reports what the kernel has to say. */
  readEvents(): void {
    void this.#report;
  }

  /** Does what a request asks for. @throws {NetworkError} as the {@link Kernel} call it belongs to */
  carryOut(request: WorkerRequest): WorkerCalls[keyof WorkerCalls]['result'] {
    switch (request.call) {
      case 'apply':
        return this.#apply(request.arguments);
      case 'snapshot':
        return request.arguments.flatMap((namespace) => this.#snapshot(namespace) ?? []);
      case 'nftList':
        return this.#nftables().list(request.arguments);
      case 'sysctl': {
        using namespace = this.#namespaces.require(request.arguments.namespace);
        return this.#namespaces.inside(namespace, () => readSysctl(request.arguments.key));
      }
      case 'identity':
        return this.#namespaces.identity(request.arguments);
      case 'openSocket':
        return openSocket(request.arguments);
      case 'watch':
      case 'close':
        return undefined;
    }
  }

  #apply(ops: readonly WorkerOp[]): undefined {
    using session = new NetlinkSession(this.#namespaces);
    for (const op of ops) {
      switch (op.op) {
        case 'nft':
          this.#nftables().run(op.script);
          break;
        case 'announce':
          this.#announcer.start(op);
          break;
        case 'conntrack-flush':
          flushConntrack(op);
          break;
        default:
          session.run(op);
      }
    }
  }

  #snapshot(path: NamespacePath): NamespaceSnapshot | undefined {
    const namespace = this.#namespaces.open(path);
    if (namespace === undefined) return undefined;
    using channel = Channel.open(this.#namespaces, namespace);
    return readNamespace(channel.socket, path);
  }

  #nftables(): NftLibrary {
    if (this.#nft === undefined) throw new NetworkError('INTERNAL', 'libnftables is missing and the worker was asked to use it');
    return this.#nft;
  }
}
