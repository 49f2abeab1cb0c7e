import type { Exchange } from '../../drivers/remote/exchange.ts';
import type { Op } from '../kernel/op.ts';
import { HostPorts } from '../ports/host-ports.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { askName, type NameAnswer, type NameQuery } from './ask-name.ts';
import { cableView, cableViews, type CableView } from './cable-view.ts';
import { removeCable } from './cables.ts';
import type { Context } from './context.ts';
import { createCable } from './create-cable.ts';
import { diagnose } from './diagnose.ts';
import type { Finding } from './finding.ts';
import { connect, disconnect } from './endpoints.ts';
import { EngineDoor } from './engine-door.ts';
import type { ControllerEvent } from './events.ts';
import { inspectRules } from './inspect-rules.ts';
import { loadContext, type ControllerParts } from './load-context.ts';
import type { ClusterView } from './cluster-shown.ts';
import { Lock } from './lock.ts';
import { NetworkError } from '../common/error.ts';
import { nameCounts, nameViews, type NameCounts, type NameView } from './name-views.ts';
import { createNetwork, removeNetwork } from './networks.ts';
import { PREDEFINED_NETWORKS } from './predefined-networks.ts';
import { drift, reconcile } from './reconcile.ts';
import { RehearsalKernel } from './rehearsal-kernel.ts';
import { rehearsalNames } from './rehearsal-names.ts';
import type { SandboxRecord } from './records.ts';
import { repair } from './repair.ts';
import { settleRemote } from './settle-remote.ts';
import type { AdoptRequest, CableRequest, ConnectRequest, NetworkRequest, SandboxRequest } from './requests.ts';
import { adoptSandbox, createSandbox, endLease, removeSandbox } from './sandboxes.ts';
import { adjustSurroundings } from './surroundings.ts';
import { endpointView, networkView, portViews, sandboxView, type EndpointView, type NetworkView, type PortView, type SandboxView } from './views.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Networks, sandboxes and endpoints of one host: the only writer of their state. Every change is
 * checked, written down, planned, carried out, and answered when it is true; requests are served
 * one after the other. Close with `await using`; networks and sandboxes stay.
 *
 * @example
 * ```ts
 * await using host = await openHost({ stateFolder: '/var/lib/netctl' });
 * const { controller } = host;
 * await controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
 * await controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }] });
 * ```
 */
export class Controller implements AsyncDisposable {
  /** Calls that only an engine makes. */
  readonly engine: EngineDoor;
  readonly #context: Context;
  readonly #lock = new Lock();
  readonly #parts: ControllerParts;
  #watchdog: Watchdog | undefined;

  private constructor(context: Context, parts: ControllerParts) {
    this.#context = context;
    this.#parts = parts;
    this.engine = new EngineDoor(context, (task) => this.#exclusive(task));
    context.names.onCrash = () => void this.#exclusive(async () => {}).catch((error: unknown) => context.events.warn(`the name server is not started again: ${NetworkError.from(error).message}`));
  }

  /**
   * Opens a controller: what is written down becomes true again.
   * @throws {NetworkError} CORRUPT for records that make no sense, KERNEL
   */
  static async open(parts: ControllerParts): Promise<Controller> {
    const controller = new Controller(await loadContext(parts), parts);
    await reconcile(controller.#context);
    await controller.#context.names.settle();
    controller.#context.dhcp.start((task) => controller.#exclusive(task));
    controller.#context.plugins.start((task) => controller.#exclusive(task));
    controller.#context.cluster.start((task) => controller.#exclusive(task));
    controller.#watch();
    return controller;
  }

  /** Eight hex digits that every kernel object of this controller carries. */
  get instance(): string {
    return this.#context.store.instanceId;
  }

  /**
   * Makes a network (`docker network create`).
   * @throws {NetworkError} INVALID, EXISTS, IN_USE, FORBIDDEN, EXHAUSTED, NOT_FOUND (driver), KERNEL
   */
  async createNetwork(request: NetworkRequest, signal?: AbortSignal): Promise<NetworkView> {
    const { ledger, plugins, cluster } = this.#context;
    const prepared = await plugins.prepare(request, signal);
    const { id } = await this.#exclusive(async () => (await createNetwork(this.#context, request, signal, prepared)).record, signal).catch(async (error: unknown) => {
      if (prepared !== undefined) await plugins.giveUp(prepared);
      throw error;
    });
    try {
      await plugins.heard([id], signal);
      await cluster.share(id, signal);
    } catch (error) {
      if (ledger.networks.has(id)) await this.removeNetwork(id).catch(() => {});
      throw error;
    }
    return networkView(ledger, ledger.network(id));
  }

  /**
   * Removes a network; when it returns, nothing of it is left in the kernel.
   * @param options.force also one that belongs to an engine which has forgotten it
   * @throws {NetworkError} NOT_FOUND, IN_USE (endpoints), FORBIDDEN (an engine's)
   */
  async removeNetwork(reference: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const { ledger, cluster } = this.#context;
    const { id, name } = ledger.network(reference).record;
    const joined = ledger.engineNetworksOf(id);
    if (joined.length > 0 && options.force !== true) {
      throw new NetworkError('FORBIDDEN', `network '${name}' is one of the engine's too: use 'docker network rm ${joined[0]?.name ?? name}', or --force if the engine has forgotten it`);
    }
    for (const one of joined) await this.engine.deleteNetwork(one.id);
    if (!ledger.networks.has(id)) return;
    await cluster.unshare(id);
    await this.#exclusive(async () => {
      const record = ledger.networks.get(id)?.record;
      // Other hosts were told, and so was this one.
      if (record === undefined) return;
      if (record.owner === 'engine' && options.force !== true) {
        throw new NetworkError('FORBIDDEN', `network '${record.name}' belongs to the engine: use 'docker network rm', or --force if the engine has forgotten it`);
      }
      if (options.force === true) await this.engine.forgetEndpoints(record.id);
      await removeNetwork(this.#context, record.id);
    });
    cluster.tryAgain();
    await this.#context.plugins.parted([id]);
  }

  /** Removes every network of ours that has no endpoint; those of a cluster are not this host's alone, and stay. @returns their names */
  async pruneNetworks(): Promise<string[]> {
    const removed = await this.#exclusive(async () => {
      const { ledger } = this.#context;
      const idle = [...ledger.networks.values()].filter(({ record }) => record.owner === 'netctl' && record.cluster === undefined && ledger.endpointsOfNetwork(record.id).length === 0);
      for (const { record } of idle) await removeNetwork(this.#context, record.id);
      return idle.map(({ record }) => record);
    });
    await this.#context.plugins.parted(removed.map(({ id }) => id));
    return removed.map(({ name }) => name);
  }

  /** All networks, the oldest first; `host` and `none`, which are no matter of ours, are not among them. */
  networks(): NetworkView[] {
    const { ledger } = this.#context;
    return [...ledger.networks.values()].map((network) => networkView(ledger, network));
  }

  /** @throws {NetworkError} NOT_FOUND */
  network(reference: string): NetworkView {
    const { ledger } = this.#context;
    const predefined = PREDEFINED_NETWORKS.find(({ id, name }) => name === reference || id === reference);
    if (predefined !== undefined) return predefined;
    const network = ledger.network(reference);
    const remoteEndpoints = this.#context.cluster.elsewhere(network.record);
    return { ...networkView(ledger, network), ...(remoteEndpoints === undefined ? {} : { remoteEndpoints }) };
  }

  /**
   * Makes a sandbox: a namespace that `ip netns` knows.
   * @throws {NetworkError} INVALID, EXISTS, NOT_FOUND, IN_USE (port), EXHAUSTED, KERNEL
   */
  createSandbox(request: SandboxRequest, signal?: AbortSignal): Promise<SandboxView> {
    return this.#addressed(request.networks ?? [], () => createSandbox(this.#context, request, signal), signal);
  }

  /**
   * Takes in a namespace that somebody else made.
   * @throws {NetworkError} INVALID, EXISTS, NOT_FOUND, IN_USE (port), EXHAUSTED, KERNEL
   */
  adoptSandbox(request: AdoptRequest, signal?: AbortSignal): Promise<SandboxView> {
    return this.#addressed(request.networks ?? [], () => adoptSandbox(this.#context, request, signal), signal);
  }

  /**
   * Removes a sandbox; programs that run in it go on, in a namespace without a name.
   * @throws {NetworkError} NOT_FOUND
   */
  removeSandbox(reference: string): Promise<void> {
    return this.#parting(reference, () => removeSandbox(this.#context, reference));
  }

  /**
   * Removes a sandbox that lived for a process (`netctl run`), and kills whatever runs in it.
   * @throws {NetworkError} NOT_FOUND, FORBIDDEN for one that lives on its own
   */
  endLease(reference: string): Promise<void> {
    return this.#parting(reference, () => endLease(this.#context, reference));
  }

  /** All sandboxes, the oldest first. */
  sandboxes(): SandboxView[] {
    const { ledger } = this.#context;
    return [...ledger.sandboxes.values()].map((sandbox) => sandboxView(ledger, sandbox));
  }

  /** @throws {NetworkError} NOT_FOUND */
  sandbox(reference: string): SandboxView {
    const { ledger } = this.#context;
    return sandboxView(ledger, ledger.sandbox(reference));
  }

  /**
   * Attaches a sandbox to a network.
   * @throws {NetworkError} NOT_FOUND, EXISTS, INVALID, EXHAUSTED, FORBIDDEN, KERNEL
   */
  async connect(sandbox: string, request: ConnectRequest, signal?: AbortSignal): Promise<EndpointView> {
    const { ledger, dhcp, plugins, cluster } = this.#context;
    using _addresses = await cluster.provide([request], signal);
    const { id, sandboxId = '', networkId } = await this.#exclusive(() => connect(this.#context, ledger.sandbox(sandbox), request, signal), signal);
    try {
      await dhcp.bound([ledger.endpoint(id)], signal);
      await plugins.heard([id], signal);
      await cluster.told();
    } catch (error) {
      if (ledger.endpoints.has(id)) await this.disconnect(sandboxId, networkId).catch(() => {});
      throw error;
    }
    return endpointView(ledger, ledger.endpoint(id));
  }

  /** @throws {NetworkError} NOT_FOUND */
  disconnect(sandbox: string, network: string): Promise<void> {
    const { ledger } = this.#context;
    return this.#parting(sandbox, () => disconnect(this.#context, ledger.sandbox(sandbox), ledger.network(network)));
  }

  /**
   * Puts a veth pair between two sandboxes: `ip link add … type veth peer …`, both ends configured.
   * @throws {NetworkError} INVALID, EXISTS (name or interface taken), NOT_FOUND, UNAVAILABLE, KERNEL
   */
  createCable(request: CableRequest, signal?: AbortSignal): Promise<CableView> {
    return this.#exclusive(async () => cableView(this.#context.ledger, await createCable(this.#context, request, signal)), signal);
  }

  /** @throws {NetworkError} NOT_FOUND */
  removeCable(reference: string): Promise<void> {
    return this.#exclusive(() => removeCable(this.#context, reference));
  }

  /** All cables, or those of one sandbox, the oldest first. @throws {NetworkError} NOT_FOUND (sandbox) */
  cables(sandbox?: string): CableView[] {
    return cableViews(this.#context.ledger, sandbox);
  }

  /** @throws {NetworkError} NOT_FOUND */
  cable(reference: string): CableView {
    const { ledger } = this.#context;
    return cableView(ledger, ledger.cable(reference));
  }

  /** Every published port. */
  ports(): PortView[] {
    return portViews(this.#context.ledger);
  }

  /**
   * Every name that is served.
   * @param network only those that its members know
   * @throws {NetworkError} NOT_FOUND
   */
  names(network?: string): NameView[] {
    const { ledger } = this.#context;
    return nameViews(ledger, network === undefined ? undefined : ledger.network(network));
  }

  /**
   * Asks the name server what somebody inside would ask it.
   * @throws {NetworkError} INVALID, NOT_FOUND, UNAVAILABLE when no answer comes, UNSUPPORTED where names are not served
   */
  async queryName(query: NameQuery, signal?: AbortSignal): Promise<NameAnswer> {
    const { names } = this.#context;
    // Where nobody has asked before it is told what there is.
    if (!names.areServed) await this.#exclusive(() => names.server(), signal);
    return askName(this.#context, query, signal);
  }

  /** What the name server has been asked: all together, then by asker; nothing where none is needed. */
  async nameCounts(): Promise<NameCounts[]> {
    const stats = await this.#context.names.stats();
    return stats === undefined ? [] : nameCounts(this.#context.ledger, stats);
  }

  /** The cluster that this host is in, as far as it is known. @throws {NetworkError} NOT_FOUND where there is none */
  cluster(): ClusterView {
    return this.#context.cluster.show();
  }

  /**
   * Gives up what a lost host of the cluster had: its endpoints, and its right to give addresses.
   * @param reference its id
   * @throws {NetworkError} NOT_FOUND, IN_USE (it is there), UNAVAILABLE
   */
  forgetHost(reference: string): Promise<void> {
    return this.#context.cluster.forget(reference);
  }

  /** Calls the listener for everything that is said with Docker plugins, until disposed. */
  exchanges(listener: (exchange: Exchange) => void): Disposable {
    return this.#parts.plugins?.subscribe(listener) ?? new DisposableStack();
  }

  /** Calls the listener for everything that happens, until disposed. */
  subscribe(listener: (event: ControllerEvent) => void): Disposable {
    return this.#context.events.subscribe(listener);
  }

  /** Puts right whatever in the kernel differs from what is written down. @returns what it did, a sentence each */
  async reconcile(): Promise<string[]> {
    const repairs = await this.#exclusive(() => repair(this.#context));
    this.#context.cluster.tryAgain();
    return [...repairs, ...(await this.#context.plugins.tryAgain())];
  }

  /** What a person should know about this host: what it lacks, what is stray, what has drifted. Changes nothing. */
  diagnose(): Promise<Finding[]> {
    return this.#exclusive(() => diagnose(this.#context));
  }

  /** What differs in the kernel from what is written down, a sentence each; changes nothing. */
  drift(): Promise<string[]> {
    return this.#exclusive(() => drift(this.#context));
  }

  /**
   * What a task would do to the kernel, without doing it: the task runs on a copy that reads the
   * real kernel and only writes down. The copy's answers are real; its ids are not those of a later run.
   * @throws {NetworkError} whatever the task would throw
   *
   * @example
   * ```ts
   * const { ops } = await controller.rehearse((copy) => copy.createNetwork({ name: 'blue' }));
   * for (const command of explain(ops)) console.log(command);
   * ```
   */
  rehearse<T>(task: (copy: Controller) => Promise<T>): Promise<{ readonly result: T; readonly ops: readonly Op[] }> {
    return this.#exclusive(async () => {
      const { store, kernel } = this.#context;
      const { entries } = await store.list('');
      await using copyStore = new MemoryStore(store.instanceId);
      await copyStore.commit(entries.map(({ key, value }) => ({ key, value })));
      const recorder = new RehearsalKernel(kernel);
      const hostPorts = new HostPorts(recorder, this.#context.hostPorts);
      const { openNames, namespaceFiles: _files, cluster: _cluster, ...same } = this.#parts;
      const names = openNames === undefined ? {} : { openNames: rehearsalNames };
      const acceptRules: Context['acceptRules'] = async (wanted, more) => (await this.#parts.acceptRules?.(wanted, { ...more, rehearsal: true })) ?? [];
      const parts: ControllerParts = { ...same, ...names, store: copyStore, kernel: recorder, hostPorts, acceptRules, setBridges: async () => {}, onEvent: () => {} };
      await using copy = new Controller(await loadContext(parts), parts);
      copy.#context.applier.assume(this.#context.applier);
      copy.#context.names.assume(this.#context.names);
      copy.#context.cluster.assume(this.#context.cluster);
      const result = await task(copy);
      return { result, ops: [...recorder.ops] };
    });
  }

  /** Waits for what is under way, gives host ports back, deletes links that wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchdog?.[Symbol.dispose]();
    this.#context.dhcp[Symbol.dispose]();
    this.#context.plugins[Symbol.dispose]();
    await this.#context.cluster[Symbol.asyncDispose]();
    await this.#exclusive(async () => {
      this.#context.hostPorts[Symbol.dispose]();
      await this.#context.names[Symbol.asyncDispose]();
      await this.#context.reaper[Symbol.asyncDispose]();
      await this.#context.staleFlows[Symbol.asyncDispose]();
    });
  }

  #watch(): void {
    this.#watchdog = new Watchdog(this.#context, {
      reconcile: (known) => this.#exclusive(() => reconcile(this.#context, known)),
      surroundings: () => this.#exclusive(() => adjustSurroundings(this.#context)),
      rules: () => this.#exclusive(() => inspectRules(this.#context)),
      attachments: () =>
        this.#exclusive(async () => {
          await inspectRules(this.#context);
          if (await settleRemote(this.#context)) await reconcile(this.#context);
        }),
      inspect: () =>
        this.#exclusive(async () => {
          if ((await drift(this.#context)).length > 0) await reconcile(this.#context);
        }),
      tryAgain: () => this.#context.cluster.tryAgain(),
    });
    this.#watchdog.follow();
  }

  /** Takes a sandbox off networks, and waits until their plugins have heard it. */
  async #parting(sandbox: string, task: () => Promise<void>): Promise<void> {
    const { ledger, plugins, cluster } = this.#context;
    const ids = await this.#exclusive(async () => {
      const endpoints = ledger.endpointsOfSandbox(ledger.sandbox(sandbox).id);
      await task();
      return endpoints.flatMap(({ id }) => (ledger.endpoints.has(id) ? [] : [id]));
    });
    await cluster.told();
    await plugins.parted(ids);
  }

  /** Makes a sandbox, and waits for the addresses that come from elsewhere. */
  async #addressed(networks: readonly ConnectRequest[], make: () => Promise<SandboxRecord>, signal: AbortSignal | undefined): Promise<SandboxView> {
    const { ledger, dhcp, plugins, cluster } = this.#context;
    using _addresses = await cluster.provide(networks, signal);
    const { id } = await this.#exclusive(make, signal);
    try {
      const endpoints = ledger.endpointsOfSandbox(id);
      await dhcp.bound(endpoints, signal);
      await plugins.heard(endpoints.map((endpoint) => endpoint.id), signal);
      await cluster.told();
    } catch (error) {
      if (ledger.sandboxes.has(id)) await this.removeSandbox(id).catch(() => {});
      throw error;
    }
    return sandboxView(ledger, ledger.sandbox(id));
  }

  #exclusive<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#lock.run(async () => {
      try {
        return await task();
      } finally {
        // Also behind what failed: it may have come half way.
        await this.#context.names.settle();
        this.#context.dhcp.settle();
        this.#watchdog?.follow();
        this.#context.plugins.settle();
        this.#context.cluster.settle();
      }
    }, signal);
  }
}
