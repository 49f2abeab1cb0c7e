import { readFileSync } from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { Announcer } from './announcer.ts';
import { flushConntrack } from './conntrack.ts';
import { endProcesses } from './end-processes.ts';
import { entryChanges, isEntryChange } from './entry-changes.ts';
import { findNamespace } from './find-namespace.ts';
import type { KernelEvent, RawDatagram } from './kernel.ts';
import { namespacePath } from './named-namespace.ts';
import { Channel } from './netlink/channel.ts';
import { isKnownKind } from './netlink/link-kinds.ts';
import { readNamespace } from './netlink/snapshot.ts';
import { readTables } from './netlink/tables.ts';
import { identityOf, Namespaces } from './netns.ts';
import { NetlinkSession } from './netlink-session.ts';
import { NftElements } from './nft-elements.ts';
import { NftLibrary } from './nft-library.ts';
import { deleteEmptyTables } from './nft-tables.ts';
import { HOST, type EntryChange, type NamespaceDelete, type NamespacePath, type ProcessesEnd } from './op.ts';
import { openSockets } from './open-sockets.ts';
import type { WorkerCalls, WorkerOp, WorkerRequest } from './protocol.ts';
import { RawUdpSockets } from './raw-udp.ts';
import { probeAddresses } from './probe-addresses.ts';
import { redirectsInPlace } from './redirects.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from './snapshot.ts';
import { threadId } from './sys.ts';
import { readSysctl } from './sysctl.ts';
import { WireguardLinks } from './wireguard-links.ts';
import { commOf } from './watch/nft-watch.ts';
import { Watcher } from './watch/watcher.ts';

/** Operations between two looks at the event sockets. */
const EVENTS_EVERY = 100;

/** Everything that the worker can do, one call after the other. */
export class WorkerKernel implements Disposable {
  readonly #namespaces = new Namespaces();
  readonly #nft: NftLibrary | undefined = NftLibrary.open();
  readonly #nftElements = new NftElements();
  readonly #announcer: Announcer;
  readonly #rawUdp: RawUdpSockets;
  readonly #report: (event: KernelEvent) => void;
  readonly #discard: (fd: number) => void;
  readonly #threadId = threadId();
  /** Under which name the kernel knows this thread. */
  readonly #comm = readFileSync('/proc/thread-self/comm', 'utf8').trim();
  #watcher: Watcher | undefined;
  #settling = false;

  /**
   * @param discard closes a descriptor on another thread
   * @param hear is told what comes to raw sockets, by their number
   */
  constructor(report: (event: KernelEvent) => void, discard: (fd: number) => void, hear: (id: number, datagram: RawDatagram) => void) {
    this.#report = report;
    this.#discard = discard;
    this.#announcer = new Announcer(this.#namespaces, () => performance.now(), discard);
    this.#rawUdp = new RawUdpSockets(this.#namespaces, discard, hear);
  }

  /** libnftables is there. */
  get hasNftables(): boolean {
    return this.#nft !== undefined;
  }

  /** Descriptors that become readable when the kernel has events, or datagrams came. */
  get eventFds(): readonly number[] {
    return [...(this.#watcher?.fds ?? []), ...this.#rawUdp.fds];
  }

  [Symbol.dispose](): void {
    this.#watcher?.[Symbol.dispose]();
    this.#nft?.[Symbol.dispose]();
    this.#rawUdp[Symbol.dispose]();
    this.#nftElements[Symbol.dispose]();
    this.#namespaces[Symbol.dispose]();
  }

  /** ms until {@link keepAppointments} has something to do; undefined when it never will. */
  nextAppointment(): number | undefined {
    return this.#announcer.next;
  }

  /** Does one thing that is due. */
  keepAppointments(): void {
    this.#announcer.keep();
  }

  /** Reports what the kernel has to say, and what came by those of the descriptors that have something. */
  readEvents(ready: readonly number[]): void {
    this.#watcher?.read();
    this.#rawUdp.read(ready);
  }

  /** After the answer to a request, which need not wait for it: hears the echo of what we did. */
  settle(): void {
    if (this.#settling) this.#watcher?.end();
    this.#settling = false;
  }

  /** Does what a request asks for. @throws {NetworkError} as the {@link Kernel} call it belongs to */
  carryOut(request: WorkerRequest): WorkerCalls[keyof WorkerCalls]['result'] {
    switch (request.call) {
      case 'apply':
        return this.#apply(request.arguments);
      case 'snapshot':
        return request.arguments.flatMap((namespace) => this.#snapshot(namespace) ?? []);
      case 'linkTables':
        return request.arguments.flatMap((asked) => this.#linkTables(asked) ?? []);
      case 'nftList':
        return this.#nftables().list(request.arguments);
      case 'redirectsInPlace':
        return redirectsInPlace(this.#namespaces, request.arguments);
      case 'knownLinkKinds': {
        using channel = Channel.open(this.#namespaces, this.#namespaces.require(HOST));
        return request.arguments.filter((kind) => isKnownKind(channel.socket, kind));
      }
      case 'sysctl': {
        using namespace = this.#namespaces.require(request.arguments.namespace);
        return this.#namespaces.inside(namespace, () => readSysctl(request.arguments.key));
      }
      case 'identity':
        return this.#namespaces.identity(request.arguments);
      case 'findNamespaces':
        return request.arguments.flatMap((path) => findNamespace(this.#namespaces, path) ?? []);
      case 'openSockets':
        return openSockets(request.arguments);
      case 'rawSend':
        this.#rawUdp.send(request.arguments);
        return undefined;
      case 'rawClose':
        this.#rawUdp.close(request.arguments);
        return undefined;
      case 'programBegin':
        this.#watcher?.begin(request.arguments.ops, { comm: commOf(request.arguments.program), processId: undefined });
        return undefined;
      case 'programEnd':
        this.#watcher?.end(request.arguments);
        return undefined;
      case 'watch':
        return this.#watch(request.arguments);
      case 'close':
        return undefined;
    }
  }

  #apply(ops: readonly WorkerOp[]): undefined {
    this.#watcher?.begin(ops, { comm: this.#comm, processId: this.#threadId });
    this.#settling = true;
    using session = new NetlinkSession(this.#namespaces, this.#discard);
    try {
      let unheard = 0;
      for (let i = 0, done; i < ops.length; i += done) {
        done = this.#carryOutNext(ops, i, session);
        unheard += done;
        // A long list makes more events than the kernel keeps for us.
        if (unheard >= EVENTS_EVERY) this.#watcher?.read();
        if (unheard >= EVENTS_EVERY) unheard = 0;
      }
    } finally {
      this.#announcer.finish();
    }
  }

  /** The operation at a place in the list, with those behind it that go in the same send. @returns how many they were */
  #carryOutNext(ops: readonly WorkerOp[], at: number, session: NetlinkSession): number {
    const op = ops[at];
    if (op === undefined) return 1;
    if (!isEntryChange(op)) {
      this.#carryOut(op, session);
      return 1;
    }
    const entries = entryChanges(ops, at);
    session.runEntries(entries);
    return entries.length;
  }

  #carryOut(op: Exclude<WorkerOp, EntryChange>, session: NetlinkSession): void {
    switch (op.op) {
      case 'nft':
        if (op.empty !== undefined) return deleteEmptyTables(op.empty);
        return op.elements === undefined ? this.#nftables().run(op.script) : this.#nftElements.change(op.elements);
      case 'address-probe':
        return probeAddresses(this.#namespaces, op, () => performance.now(), this.#discard);
      case 'announce':
        return this.#announcer.start(op);
      case 'conntrack-flush':
        return flushConntrack(op);
      case 'processes-end':
        return this.#endProcesses(op);
      case 'namespace-delete':
        if (!this.#mayDelete(op)) return undefined;
        this.#leave(op.name);
        return session.run(op);
      default:
        return session.run(op);
    }
  }

  #endProcesses({ name, label }: ProcessesEnd): void {
    const found = findNamespace(this.#namespaces, namespacePath(name));
    // Whatever its label says, the host's own is nobody's to empty.
    if (found?.identity === undefined || found.label !== label || found.identity === identityOf(this.#namespaces.host)) return;
    endProcesses(found.identity);
  }

  #mayDelete({ name, label }: NamespaceDelete): boolean {
    return label === undefined || findNamespace(this.#namespaces, namespacePath(name))?.label === label;
  }

  #leave(name: string): void {
    if (this.#watcher === undefined) return;
    using namespace = this.#namespaces.open(namespacePath(name));
    if (namespace !== undefined) this.#watcher.leave(namespace.fd);
  }

  #watch(on: boolean): undefined {
    if (on) this.#watcher ??= new Watcher(this.#report);
    else this.#watcher?.[Symbol.dispose]();
    if (!on) this.#watcher = undefined;
  }

  #snapshot(path: NamespacePath): NamespaceSnapshot | undefined {
    const namespace = this.#namespaces.open(path);
    if (namespace === undefined) return undefined;
    using channel = Channel.open(this.#namespaces, namespace);
    return readNamespace(channel.socket, path);
  }

  #linkTables(asked: TableRequest): LinkTables | undefined {
    const namespace = this.#namespaces.open(asked.namespace);
    if (namespace === undefined) return undefined;
    using channel = Channel.open(this.#namespaces, namespace);
    const tables = readTables(channel, asked);
    if (tables === undefined || asked.wireguard !== true) return tables;
    using links = new WireguardLinks(this.#namespaces);
    const wireguard = links.read(channel, asked.namespace, asked.link);
    return wireguard === undefined ? tables : { ...tables, wireguard };
  }

  #nftables(): NftLibrary {
    if (this.#nft === undefined) throw new NetworkError('INTERNAL', 'libnftables is missing and the worker was asked to use it');
    return this.#nft;
  }
}
