import { randomBytes } from 'node:crypto';
import type { Driver } from '../../drivers/driver.ts';
import { bridgeDriver } from '../../drivers/bridge/bridge-driver.ts';
import { NetworkError } from '../common/error.ts';
import type { FirewallBackend } from '../firewall/backend.ts';
import { AddressSpace } from '../ipam/address-space.ts';
import { defaultPools } from '../ipam/default-pools.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { HostPorts } from '../ports/host-ports.ts';
import { MemoryStore } from '../store/memory-store.ts';
import type { Store } from '../store/store.ts';
import { Applier } from './applier.ts';
import type { Clock, Context, Random } from './context.ts';
import { connect, disconnect } from './endpoints.ts';
import { EngineDoor } from './engine-door.ts';
import { EventHub, type ControllerEvent } from './events.ts';
import { linkGroups } from './link-groups.ts';
import { Ledger } from './ledger.ts';
import { Lock } from './lock.ts';
import { createNetwork, removeNetwork } from './networks.ts';
import { Reaper } from './reaper.ts';
import { drift, reconcile } from './reconcile.ts';
import type { AdoptRequest, ConnectRequest, NetworkRequest, SandboxRequest } from './requests.ts';
import { RehearsalKernel } from './rehearsal-kernel.ts';
import { restore } from './restore.ts';
import { adoptSandbox, createSandbox, removeSandbox } from './sandboxes.ts';
import { adjustSurroundings } from './surroundings.ts';
import { endpointView, networkView, portViews, sandboxView, type EndpointView, type NetworkView, type PortView, type SandboxView } from './views.ts';
import { allChanges } from './wanted.ts';
import { Watchdog } from './watchdog.ts';

/** What a controller is made of. Those who made kernel and store close them. */
export interface ControllerParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly firewall: FirewallBackend;
  /** Default: the bridge driver. */
  readonly drivers?: readonly Driver[];
  readonly acceptRules?: (wanted: boolean) => Promise<readonly Op[]>;
  /** Text that tells this host from others: seeds its IPv6 ULA. */
  readonly hostId?: string;
  readonly now?: Clock;
  readonly random?: Random;
}

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
  readonly #reaper: Reaper;
  readonly #parts: ControllerParts;
  #watchdog: Watchdog | undefined;

  private constructor(context: Context, reaper: Reaper, parts: ControllerParts) {
    this.#context = context;
    this.#reaper = reaper;
    this.#parts = parts;
    this.engine = new EngineDoor(context, (task) => this.#lock.run(task));
  }

  /**
   * Opens a controller: what is written down becomes true again.
   * @throws {NetworkError} CORRUPT for records that make no sense, KERNEL
   */
  static async open(parts: ControllerParts): Promise<Controller> {
    const controller = await Controller.#load(parts);
    await reconcile(controller.#context);
    controller.#watch();
    return controller;
  }

  static async #load(parts: ControllerParts): Promise<Controller> {
    const { kernel, store, firewall, now = Date.now, random = randomBytes } = parts;
    const events = new EventHub(now);
    const groups = linkGroups(store.instanceId);
    const reaper = new Reaper(kernel, groups.doomed, (error) => events.warn(`links not deleted: ${NetworkError.from(error).message}`));
    const doomedName = (): string => `gone${Buffer.from(random(5)).toString('hex')}`;
    const drivers = parts.drivers ?? [bridgeDriver((message) => events.warn(message))];
    const context: Context = {
      kernel,
      store,
      events,
      now,
      random,
      ledger: new Ledger(),
      addresses: new AddressSpace(defaultPools(parts.hostId ?? store.instanceId)),
      applier: new Applier(kernel, firewall, { groups, doomedName }, reaper),
      hostPorts: new HostPorts(kernel),
      drivers: new Map(drivers.map((driver) => [driver.name, driver])),
      reap: () => reaper.flush(),
      acceptRules: parts.acceptRules ?? (async () => []),
    };
    await restore(context);
    return new Controller(context, reaper, parts);
  }

  /** Eight hex digits that every kernel object of this controller carries. */
  get instance(): string {
    return this.#context.store.instanceId;
  }

  /**
   * Makes a network (`docker network create`).
   * @throws {NetworkError} INVALID, EXISTS, IN_USE, FORBIDDEN, EXHAUSTED, NOT_FOUND (driver), KERNEL
   */
  createNetwork(request: NetworkRequest, signal?: AbortSignal): Promise<NetworkView> {
    return this.#exclusive(async () => networkView(this.#context.ledger, await createNetwork(this.#context, request, signal)), signal);
  }

  /**
   * Removes a network; when it returns, nothing of it is left in the kernel.
   * @param options.force also one that belongs to an engine which has forgotten it
   * @throws {NetworkError} NOT_FOUND, IN_USE (endpoints), FORBIDDEN (an engine's)
   */
  removeNetwork(reference: string, options: { readonly force?: boolean } = {}): Promise<void> {
    return this.#exclusive(async () => {
      const { record } = this.#context.ledger.network(reference);
      if (record.owner === 'engine' && options.force !== true) {
        throw new NetworkError('FORBIDDEN', `network '${record.name}' belongs to the engine: use 'docker network rm', or --force if the engine has forgotten it`);
      }
      if (options.force === true) await this.engine.forgetEndpoints(record.id);
      await removeNetwork(this.#context, record.id);
    });
  }

  /** Removes every network of ours that has no endpoint. @returns their names */
  pruneNetworks(): Promise<string[]> {
    return this.#exclusive(async () => {
      const { ledger } = this.#context;
      const idle = [...ledger.networks.values()].filter(({ record }) => record.owner === 'netctl' && ledger.endpointsOfNetwork(record.id).length === 0);
      for (const { record } of idle) await removeNetwork(this.#context, record.id);
      return idle.map(({ record }) => record.name);
    });
  }

  /** All networks, the oldest first. */
  networks(): NetworkView[] {
    const { ledger } = this.#context;
    return [...ledger.networks.values()].map((network) => networkView(ledger, network));
  }

  /** @throws {NetworkError} NOT_FOUND */
  network(reference: string): NetworkView {
    const { ledger } = this.#context;
    return networkView(ledger, ledger.network(reference));
  }

  /**
   * Makes a sandbox: a namespace that `ip netns` knows.
   * @throws {NetworkError} INVALID, EXISTS, NOT_FOUND, IN_USE (port), EXHAUSTED, KERNEL
   */
  createSandbox(request: SandboxRequest, signal?: AbortSignal): Promise<SandboxView> {
    return this.#exclusive(async () => sandboxView(this.#context.ledger, await createSandbox(this.#context, request, signal)), signal);
  }

  /**
   * Takes in a namespace that somebody else made.
   * @throws {NetworkError} INVALID, EXISTS, NOT_FOUND, IN_USE (port), EXHAUSTED, KERNEL
   */
  adoptSandbox(request: AdoptRequest, signal?: AbortSignal): Promise<SandboxView> {
    return this.#exclusive(async () => sandboxView(this.#context.ledger, await adoptSandbox(this.#context, request, signal)), signal);
  }

  /** @throws {NetworkError} NOT_FOUND */
  removeSandbox(reference: string): Promise<void> {
    return this.#exclusive(() => removeSandbox(this.#context, reference));
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
  connect(sandbox: string, request: ConnectRequest, signal?: AbortSignal): Promise<EndpointView> {
    return this.#exclusive(async () => {
      const { ledger } = this.#context;
      return endpointView(ledger, await connect(this.#context, ledger.sandbox(sandbox), request, signal));
    }, signal);
  }

  /** @throws {NetworkError} NOT_FOUND */
  disconnect(sandbox: string, network: string): Promise<void> {
    return this.#exclusive(() => {
      const { ledger } = this.#context;
      return disconnect(this.#context, ledger.sandbox(sandbox), ledger.network(network));
    });
  }

  /** Every published port. */
  ports(): PortView[] {
    return portViews(this.#context.ledger);
  }

  /** Calls the listener for everything that happens, until disposed. */
  subscribe(listener: (event: ControllerEvent) => void): Disposable {
    return this.#context.events.subscribe(listener);
  }

  /** Puts right whatever in the kernel differs from what is written down. @returns what it did, a sentence each */
  reconcile(): Promise<string[]> {
    return this.#exclusive(() => reconcile(this.#context));
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
      await using copy = await Controller.#load({ ...this.#parts, store: copyStore, kernel: recorder });
      copy.#context.applier.assume(allChanges(copy.#context.ledger));
      const result = await task(copy);
      return { result, ops: [...recorder.ops] };
    });
  }

  /** Waits for what is under way, gives host ports back, deletes links that wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchdog?.[Symbol.dispose]();
    await this.#exclusive(async () => {
      this.#context.hostPorts[Symbol.dispose]();
      await this.#reaper[Symbol.asyncDispose]();
    });
  }

  #watch(): void {
    this.#watchdog = new Watchdog(this.#context, {
      reconcile: (known) => this.#exclusive(() => reconcile(this.#context, known)),
      surroundings: () => this.#exclusive(() => adjustSurroundings(this.#context)),
    });
  }

  #exclusive<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#lock.run(task, signal);
  }
}
