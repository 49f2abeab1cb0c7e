import type { Plugins } from '../../drivers/remote/plugins.ts';
import { isSilent, mayHaveActed } from '../../drivers/remote/failed-call.ts';
import { NetworkError } from '../common/error.ts';
import type { Context } from './context.ts';
import { bidFarewell, farewellChanges, mergedFarewell, remainder, sayFarewell, stayAfterAll, unlessRefused } from './farewells.ts';
import { attach, type Progress } from './plugin-attachment.ts';
import { endpointCall, networkCall, sandboxOptions } from './plugin-options.ts';
import { farewellKey, type EndpointRecord, type FarewellRecord, type NetworkRecord } from './records.ts';
import { networkKey, openNetwork } from './networks.ts';
import { hasPlugins, prepareNetwork, type PreparedNetwork } from './prepare-network.ts';
import type { NetworkRequest } from './requests.ts';
import { noteProgrammed, takeAttachment } from './take-attachment.ts';
import { Talks } from './talks.ts';
import { gatewayFamilies } from './wanted.ts';

/** What a farewell is known by: the endpoint that it is of may be there still, and tried again. */
const FAREWELL = 'farewell ';

/**
 * Says with Docker plugins what the ledger calls for, as an engine would: networks to be made, endpoints to
 * join, ways out that moved, what has gone. Always outside of the controller's turn: a plugin that is slow,
 * or asks us something itself, is in nobody's way. What it answers is written down in a turn.
 */
export class PluginKeeper implements Disposable {
  readonly #context: () => Context;
  readonly #plugins: Plugins | undefined;
  /** By the id of the network or endpoint. */
  readonly #talks: Talks = new Talks({ onEnd: () => this.settle(), onRetry: () => void this.tryAgain() });
  #exclusive: (<T>(task: () => Promise<T>) => Promise<T>) | undefined;

  constructor(context: () => Context, plugins: Plugins | undefined) {
    this.#context = context;
    this.#plugins = plugins;
  }

  /** Begins. Before this, as in a rehearsal, nobody is asked for anything. @param exclusive gives a task its turn */
  start(exclusive: <T>(task: () => Promise<T>) => Promise<T>): void {
    this.#exclusive = exclusive;
    this.settle();
  }

  [Symbol.dispose](): void {
    this.#exclusive = undefined;
    this.#talks[Symbol.dispose]();
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
    this.#talks.drop((key) => ledger.networks.has(key) || ledger.endpoints.has(key) || (key.startsWith(FAREWELL) && ledger.farewells.has(key.slice(FAREWELL.length))));
    for (const { record } of ledger.networks.values()) {
      if (record.remote !== undefined && record.remote !== 'told') this.#begin(record.id, (signal) => this.#tellNetwork(record, signal));
    }
    for (const endpoint of ledger.endpoints.values()) this.#followEndpoint(endpoint);
    for (const farewell of ledger.farewells.values()) {
      if (!this.#talks.goesOn(farewell.id)) this.#talks.begin(farewellOf(farewell.id), (signal) => this.#part(farewell, signal));
    }
  }

  /**
   * Resolves when the plugins have heard all about networks and endpoints that there is to say.
   * @throws {NetworkError} FORBIDDEN in the plugin's own words, UNAVAILABLE, NOT_FOUND, KERNEL, ABORTED
   */
  async heard(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const id of ids) await this.#talks.end(id, signal);
  }

  /**
   * Resolves when the plugins have heard that networks and endpoints are gone.
   * @throws {NetworkError} UNAVAILABLE, NOT_FOUND, ABORTED: they are gone here all the same, and the plugins are told later
   */
  async parted(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const id of ids) {
      // It may have been joining when it was removed.
      await this.#talks.over(id);
      await this.#talks.end(farewellOf(id), signal).catch((thrown: unknown) => {
        const { code, message } = NetworkError.from(thrown);
        throw new NetworkError(code, `gone here, and not told everywhere: ${message}; it is told as soon as the plugin answers`, { cause: thrown });
      });
    }
  }

  /** Tries again what could not be said, and waits for how that goes. @returns what is right now, a sentence each */
  async tryAgain(): Promise<string[]> {
    const before = this.#sentences();
    this.#talks.forgive();
    this.settle();
    // What a repair has begun is part of it.
    for (const key of this.#talks.keys) await this.#talks.end(key).catch(() => {});
    return [...before].flatMap(([key, sentence]) => (this.#talks.problems.has(key) ? [] : [`${sentence}: put right`]));
  }

  /** What could not be said, a sentence each. */
  problems(): string[] {
    return [...this.#sentences().values()];
  }

  #sentences(): Map<string, string> {
    const { ledger } = this.#context();
    const say = (key: string, why: string): string => {
      const network = ledger.networks.get(key)?.record.name;
      const endpoint = ledger.endpoints.get(key);
      if (network !== undefined) return `network '${network}' is not known to its plugin: ${why}`;
      if (endpoint !== undefined) return `sandbox '${endpoint.name}' is not connected to network '${ledger.network(endpoint.networkId).record.name}': ${why}`;
      return `a plugin was not told that ${key.slice(FAREWELL.length, FAREWELL.length + 12)} is gone: ${why}`;
    };
    return new Map([...this.#talks.problems].map(([key, { message }]) => [key, say(key, message)]));
  }

  #followEndpoint(endpoint: EndpointRecord): void {
    const { ledger } = this.#context();
    const { id, remote, grant, ipv4, ipv6, networkId, sandboxId = '' } = endpoint;
    const { record } = ledger.network(networkId);
    if ((record.remote !== undefined && record.remote !== 'told') || ledger.displaced.has(sandboxId)) return;
    const lacks = grant !== undefined && record.ipam !== 'null' && ((record.ipv4.length > 0 && ipv4 === undefined) || (record.ipv6.length > 0 && ipv6 === undefined));
    if (lacks || (remote !== undefined && (remote.joined === undefined || ledger.unjoined.has(id)))) {
      this.#begin(id, (signal) => this.#attach(endpoint, signal));
    } else if (remote !== undefined && (gatewayFamilies(ledger, endpoint).length > 0) !== (remote.programmed === true)) {
      this.#begin(id, (signal) => this.#program(endpoint, remote.programmed !== true, signal));
    }
  }

  #begin(id: string, task: (signal: AbortSignal) => Promise<void>): void {
    // While something is taken back it is not begun anew.
    if (!this.#talks.goesOn(farewellOf(id))) this.#talks.begin(id, task);
  }

  async #tellNetwork({ id, driver, remote }: NetworkRecord, signal: AbortSignal): Promise<void> {
    const { plugin } = await this.plugins.network(driver, { signal });
    // Its answer was never heard: it may know the network, and would refuse to make it twice.
    if (remote === 'asked') await unlessRefused(plugin.deleteNetwork(id, { signal }));
    const record = await this.#noteNetwork(id, 'asked');
    try {
      await plugin.createNetwork(networkCall(record), { signal });
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (!mayHaveActed(error)) await this.#noteNetwork(id, 'untold');
      throw error;
    }
    await this.#noteNetwork(id, 'told');
  }

  /** Writes down how far the plugin knows a network. @throws {NetworkError} ABORTED when it is gone: what the plugin has to be told then was written down with its end */
  #noteNetwork(id: string, remote: NonNullable<NetworkRecord['remote']>): Promise<NetworkRecord> {
    return this.#inTurn(async (context) => {
      const { ledger, store } = context;
      const before = ledger.networks.get(id)?.record;
      if (before === undefined) throw new NetworkError('ABORTED', 'the network was removed while its plugin was asked about it');
      const record: NetworkRecord = { ...before, remote };
      await store.commit([{ key: networkKey(id), value: record }]);
      ledger.networks.set(id, openNetwork(context, record));
      return record;
    });
  }

  async #attach(endpoint: EndpointRecord, signal: AbortSignal): Promise<void> {
    const { id, networkId, attachment } = endpoint;
    const { ledger, random, store } = this.#context();
    const { driver, ipam } = ledger.network(networkId).record;
    const progress: Progress = { addresses: [] };
    const undoing = (): FarewellRecord => {
      const known = progress.endpoint === undefined ? {} : { driver, endpoint: progress.endpoint };
      return { id, networkId, ...known, ...(ipam === undefined ? {} : { ipam }), addresses: progress.addresses, pools: [] };
    };
    const note = async (): Promise<void> => void (await store.commit(farewellChanges([mergedFarewell(ledger, undoing())])));
    try {
      const answer = await attach({ plugins: this.plugins, ledger, random, signal, note, namespace: attachment?.namespace ?? '' }, endpoint, progress);
      await this.#inTurn(async (context) => {
        await takeAttachment(context, id, answer);
        await stayAfterAll(context, id, progress.addresses.length > 0);
      });
    } catch (error) {
      if (progress.endpoint !== undefined || progress.addresses.length > 0) await this.#takeBack(undoing(), NetworkError.from(error));
      throw error;
    }
    await this.#askInfo(endpoint, signal).catch(() => {});
  }

  /** As the engine asks; nobody does anything with the answer. */
  async #askInfo(endpoint: EndpointRecord, signal: AbortSignal): Promise<void> {
    const { driver, remote } = this.#context().ledger.network(endpoint.networkId).record;
    if (remote === undefined) return;
    const { plugin } = await this.plugins.network(driver, { signal });
    await plugin.operationalInfo(endpointCall(endpoint), { signal });
  }

  /** What it had got before it failed, it has to give back; at once, unless the plugin has just been found to be silent. */
  #takeBack(farewell: FarewellRecord, error?: NetworkError): Promise<void> {
    return this.#inTurn(async (context) => {
      const all = mergedFarewell(context.ledger, farewell);
      await context.store.commit(farewellChanges([all]));
      if (error !== undefined && isSilent(error)) this.#talks.fail(farewellOf(farewell.id), error);
      bidFarewell(context, [all]);
      context.ledger.joining.delete(farewell.id);
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
      const { id } = farewell;
      const rest = remainder(ledger.farewells.get(id), farewell);
      await store.commit([{ key: farewellKey(id), ...(rest === undefined ? {} : { value: rest }) }]);
      if (rest === undefined) ledger.farewells.delete(id);
      else ledger.farewells.set(id, rest);
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
