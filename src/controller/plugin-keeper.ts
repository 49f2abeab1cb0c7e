import type { Plugins } from '../../drivers/remote/plugins.ts';
import { NetworkError } from '../common/error.ts';
import type { Context } from './context.ts';
import { bidFarewell, farewellChanges, sayFarewell, stayAfterAll } from './farewells.ts';
import { attach, type Progress } from './plugin-attachment.ts';
import { endpointCall, networkCall, sandboxOptions } from './plugin-options.ts';
import { farewellKey, type EndpointRecord, type FarewellRecord, type NetworkRecord } from './records.ts';
import { networkKey, openNetwork } from './networks.ts';
import { hasPlugins, prepareNetwork, type PreparedNetwork } from './prepare-network.ts';
import type { NetworkRequest } from './requests.ts';
import { noteProgrammed, takeAttachment } from './take-attachment.ts';
import { gatewayFamilies } from './wanted.ts';

/** What a farewell is known by: the endpoint that it is of may be there still, and tried again. */
const FAREWELL = 'farewell ';

/** Nobody tells when a plugin is there again: what could not be said is tried again after this, ms. */
const RETRY = 10_000;

/** Something that is being said with plugins. */
interface Talk {
  readonly over: Promise<void>;
  readonly abort: AbortController;
}

/**
 * Says with Docker plugins what the ledger calls for, as an engine would: networks to be made, endpoints to
 * join, ways out that moved, what has gone. Always outside of the controller's turn: a plugin that is slow,
 * or asks us something itself, is in nobody's way. What it answers is written down in a turn.
 */
export class PluginKeeper implements Disposable {
  readonly #context: () => Context;
  readonly #plugins: Plugins | undefined;
  /** By the id of the network or endpoint; one at a time for each. */
  readonly #talks = new Map<string, Talk>();
  /** What could not be said, by the same ids. Left alone until it is tried again. */
  readonly #problems = new Map<string, NetworkError>();
  /** Endpoints of which a plugin may know from an earlier life of ours. */
  readonly #met = new Set<string>();
  #exclusive: (<T>(task: () => Promise<T>) => Promise<T>) | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(context: () => Context, plugins: Plugins | undefined) {
    this.#context = context;
    this.#plugins = plugins;
  }

  /** Begins. Before this, as in a rehearsal, nobody is asked for anything. @param exclusive gives a task its turn */
  start(exclusive: <T>(task: () => Promise<T>) => Promise<T>): void {
    this.#exclusive = exclusive;
    for (const { id, remote } of this.#context().ledger.endpoints.values()) if (remote !== undefined) this.#met.add(id);
    this.settle();
  }

  [Symbol.dispose](): void {
    this.#exclusive = undefined;
    clearTimeout(this.#retry);
    for (const { abort } of this.#talks.values()) abort.abort();
  }

  /** The plugins of this host. @throws {NetworkError} UNSUPPORTED where there are none, as in a rehearsal */
  get plugins(): Plugins {
    if (this.#plugins === undefined || this.#exclusive === undefined) throw new NetworkError('UNSUPPORTED', 'what a plugin will do is not known before it has been asked: it cannot be explained');
    return this.#plugins;
  }

  /**
   * Asks the plugins of a network to be; undefined where no plugin has a part in it.
   * @throws {NetworkError} as {@link prepareNetwork}, and UNSUPPORTED in a rehearsal
   */
  async prepare(request: NetworkRequest, signal?: AbortSignal): Promise<PreparedNetwork | undefined> {
    const context = this.#context();
    if (!hasPlugins(context, request)) return undefined;
    return prepareNetwork({ context, plugins: this.plugins, request, signal, takeBack: (farewell) => this.#takeBack(farewell) });
  }

  /** The network was not made after all. */
  async giveUp({ farewell }: PreparedNetwork): Promise<void> {
    if (farewell !== undefined) await this.#takeBack(farewell);
  }

  /** Follows the ledger: begins what is called for, ends what is for nothing. */
  settle(): void {
    if (this.#exclusive === undefined || this.#plugins === undefined) return;
    const { ledger } = this.#context();
    const isMeant = (key: string): boolean => ledger.networks.has(key) || ledger.endpoints.has(key) || [...ledger.farewells.keys()].some((id) => farewellOf(id) === key);
    for (const [key, { abort }] of this.#talks) if (!isMeant(key)) abort.abort();
    for (const key of this.#problems.keys()) if (!isMeant(key)) this.#problems.delete(key);
    for (const { record } of ledger.networks.values()) if (record.remote === 'untold') this.#begin(record.id, (signal) => this.#tellNetwork(record, signal));
    for (const endpoint of ledger.endpoints.values()) this.#followEndpoint(endpoint);
    for (const farewell of ledger.farewells.values()) {
      if (!this.#talks.has(farewell.id)) this.#begin(farewellOf(farewell.id), (signal) => this.#part(farewell, signal));
    }
  }

  /**
   * Resolves when the plugins have heard all about networks and endpoints that there is to say.
   * @throws {NetworkError} FORBIDDEN in the plugin's own words, UNAVAILABLE, NOT_FOUND, KERNEL, ABORTED
   */
  async heard(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const id of ids) await this.#end(id, signal);
  }

  /**
   * Resolves when the plugins have heard that networks and endpoints are gone.
   * @throws {NetworkError} UNAVAILABLE, NOT_FOUND, ABORTED: they are gone here all the same, and the plugins are told later
   */
  async parted(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const id of ids) {
      // It may have been joining when it was removed.
      await this.#talks.get(id)?.over;
      await this.#end(farewellOf(id), signal).catch((thrown: unknown) => {
        const { code, message } = NetworkError.from(thrown);
        throw new NetworkError(code, `gone here, and not told everywhere: ${message}; it is told as soon as the plugin answers`, { cause: thrown });
      });
    }
  }

  /** Tries again what could not be said, and waits for how that goes. @returns what is right now, a sentence each */
  async tryAgain(): Promise<string[]> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const before = this.problems();
    this.#problems.clear();
    this.settle();
    // What a repair has begun is part of it.
    for (const key of this.#talks.keys()) await this.#end(key).catch(() => {});
    const after = new Set(this.problems());
    return before.filter((problem) => !after.has(problem)).map((problem) => `${problem}: put right`);
  }

  async #end(key: string, signal?: AbortSignal): Promise<void> {
    for (let talk = this.#talks.get(key); talk !== undefined; talk = this.#talks.get(key)) await unlessAborted(talk.over, signal);
    const problem = this.#problems.get(key);
    if (problem !== undefined) throw problem;
  }

  /** What could not be said, a sentence each. */
  problems(): string[] {
    const { ledger } = this.#context();
    return [...this.#problems].map(([id, { message }]) => {
      const network = ledger.networks.get(id)?.record.name;
      const endpoint = ledger.endpoints.get(id);
      if (network !== undefined) return `network '${network}' is not known to its plugin: ${message}`;
      if (endpoint !== undefined) return `sandbox '${endpoint.name}' is not connected to network '${ledger.network(endpoint.networkId).record.name}': ${message}`;
      return `a plugin was not told that ${id.slice(FAREWELL.length, FAREWELL.length + 12)} is gone: ${message}`;
    });
  }

  #followEndpoint(endpoint: EndpointRecord): void {
    const { ledger } = this.#context();
    const { id, remote, grant, ipv4, ipv6, networkId, sandboxId = '' } = endpoint;
    const { record } = ledger.network(networkId);
    if (record.remote === 'untold' || ledger.displaced.has(sandboxId)) return;
    const lacks = grant !== undefined && record.ipam !== 'null' && ((record.ipv4.length > 0 && ipv4 === undefined) || (record.ipv6.length > 0 && ipv6 === undefined));
    if (lacks || (remote !== undefined && (remote.joined === undefined || ledger.unjoined.has(id)))) {
      this.#begin(id, (signal) => this.#attach(endpoint, signal));
    } else if (remote !== undefined && (gatewayFamilies(ledger, endpoint).length > 0) !== (remote.programmed === true)) {
      this.#begin(id, (signal) => this.#program(endpoint, remote.programmed !== true, signal));
    }
  }

  #begin(key: string, task: (signal: AbortSignal) => Promise<void>): void {
    // While something is taken back it is not begun anew.
    if (this.#talks.has(key) || this.#problems.has(key) || this.#talks.has(farewellOf(key))) return;
    const abort = new AbortController();
    const over = task(abort.signal)
      .catch((thrown: unknown) => this.#note(key, NetworkError.from(thrown)))
      .finally(() => {
        this.#talks.delete(key);
        this.settle();
      });
    this.#talks.set(key, { over, abort });
  }

  #note(key: string, error: NetworkError): void {
    if (this.#exclusive === undefined) return;
    this.#problems.set(key, error);
    this.#retry ??= setTimeout(() => void this.tryAgain(), RETRY).unref();
  }

  async #tellNetwork(network: NetworkRecord, signal: AbortSignal): Promise<void> {
    const { plugin } = await this.plugins.network(network.driver, { signal });
    await plugin.createNetwork(networkCall(network), { signal });
    await this.#inTurn(async (context) => {
      const live = context.ledger.networks.get(network.id);
      const told: NetworkRecord = { ...(live?.record ?? network), remote: 'told' };
      // It was removed while the plugin made it.
      if (live === undefined) return bidFarewell(context, [{ id: network.id, networkId: network.id, driver: network.driver, addresses: [], pools: [] }]);
      await context.store.commit([{ key: networkKey(network.id), value: told }]);
      context.ledger.networks.set(network.id, openNetwork(context, told));
    });
  }

  async #attach(endpoint: EndpointRecord, signal: AbortSignal): Promise<void> {
    const { id, networkId, attachment } = endpoint;
    const { ledger, random } = this.#context();
    const { driver, ipam } = ledger.network(networkId).record;
    const progress: Progress = { addresses: [] };
    try {
      const answer = await attach({ plugins: this.plugins, ledger, random, signal, again: this.#met.has(id), namespace: attachment?.namespace ?? '' }, endpoint, progress);
      await this.#inTurn(async (context) => {
        await takeAttachment(context, id, answer);
        await stayAfterAll(context, id);
      });
      this.#met.add(id);
      // As the engine asks; nobody does anything with the answer.
      if (answer.joined !== undefined) await (await this.plugins.network(driver, { signal })).plugin.operationalInfo(endpointCall(endpoint), { signal }).catch(() => {});
    } catch (error) {
      const known = progress.endpoint === undefined ? {} : { driver, endpoint: progress.endpoint };
      const isHeld = progress.endpoint !== undefined || progress.addresses.length > 0;
      if (isHeld) await this.#takeBack({ id, networkId, ...known, ...(ipam === undefined ? {} : { ipam }), addresses: progress.addresses, pools: [] }, NetworkError.from(error));
      throw error;
    }
  }

  /** What it had got before it failed, it has to give back; at once, unless the plugin has just been found to be silent. */
  #takeBack(farewell: FarewellRecord, error?: NetworkError): Promise<void> {
    return this.#inTurn(async (context) => {
      await context.store.commit(farewellChanges([farewell]));
      if (error?.code === 'UNAVAILABLE') this.#note(farewellOf(farewell.id), error);
      bidFarewell(context, [farewell]);
    });
  }

  async #program(endpoint: EndpointRecord, on: boolean, signal: AbortSignal): Promise<void> {
    const { ledger } = this.#context();
    const { plugin } = await this.plugins.network(ledger.network(endpoint.networkId).record.driver, { signal });
    if (on) await plugin.programExternalConnectivity(endpointCall(endpoint), sandboxOptions(ledger, endpoint), { signal });
    else await plugin.revokeExternalConnectivity(endpointCall(endpoint), { signal });
    await this.#inTurn((context) => noteProgrammed(context, endpoint.id, on));
  }

  async #part(farewell: FarewellRecord, signal: AbortSignal): Promise<void> {
    const refusals = await sayFarewell(this.plugins, farewell, signal);
    await this.#inTurn(async ({ ledger, store, events }) => {
      await store.commit([{ key: farewellKey(farewell.id) }]);
      ledger.farewells.delete(farewell.id);
      for (const refusal of refusals) events.warn(`${refusal}; it is gone here all the same`);
    });
  }

  #inTurn<T>(task: (context: Context) => Promise<T> | T): Promise<T> {
    if (this.#exclusive === undefined) throw new NetworkError('ABORTED', 'the controller was closed');
    return this.#exclusive(async () => task(this.#context()));
  }
}

function farewellOf(id: string): string {
  return `${FAREWELL}${id}`;
}

async function unlessAborted(over: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return over;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new NetworkError('ABORTED', 'given up while waiting for a plugin'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([over, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
