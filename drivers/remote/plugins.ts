import { realpath } from 'node:fs/promises';
import { z } from 'zod';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { Exchange } from './exchange.ts';
import { findPlugin, listPlugins } from './find-plugin.ts';
import { IpamPlugin } from './ipam-plugin.ts';
import { NetworkPlugin, type NetworkCapabilities } from './network-plugin.ts';
import { PluginClient, type CallOptions } from './plugin-client.ts';
import { readAnswer } from './read-answer.ts';

/** What Docker plugins are found and spoken to by. */
export interface PluginsOptions {
  /** Where they are looked for, the first before the others. */
  readonly folders: readonly string[];
  /** A call that is not answered by then has failed, ms. */
  readonly patience: number;
  /** Paths of sockets at which this very process is a plugin; may grow. */
  readonly own?: ReadonlySet<string>;
}

/** A network driver, and what it can do. */
export interface ActiveNetworkPlugin {
  readonly plugin: NetworkPlugin;
  readonly capabilities: NetworkCapabilities;
  /** It was activated just now. */
  readonly isNew: boolean;
}

/** An IPAM driver, and what it says of itself. */
export interface ActiveIpamPlugin {
  readonly plugin: IpamPlugin;
  readonly addressSpace: string;
  readonly needsMac: boolean;
}

type Kind = 'NetworkDriver' | 'IpamDriver';

const activation = z.object({ implements: z.array(z.string()).nullish() });

/** The Docker plugins of this host, each activated when it is first needed, as by an engine. */
export class Plugins {
  readonly #options: PluginsOptions;
  readonly #listeners = new Set<(exchange: Exchange) => void>();
  /** What they have said of themselves, by kind, name and place. */
  readonly #known = new Map<string, Promise<Omit<ActiveNetworkPlugin, 'isNew'> | ActiveIpamPlugin>>();

  constructor(options: PluginsOptions) {
    this.#options = options;
  }

  /** Calls the listener for everything that is said, until disposed. */
  subscribe(listener: (exchange: Exchange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Names of those that are there. */
  names(): Promise<string[]> {
    return listPlugins(this.#options.folders);
  }

  /** Where they are looked for, for messages. */
  get folders(): string {
    return this.#options.folders.join(', ') || 'no folder';
  }

  /**
   * A network driver by name.
   * @throws {NetworkError} NOT_FOUND, UNSUPPORTED when it is no network driver, FORBIDDEN, UNAVAILABLE, ABORTED
   */
  async network(name: string, options: CallOptions = {}): Promise<ActiveNetworkPlugin> {
    const { found, isNew } = await this.#activate(name, 'NetworkDriver', async (client) => {
      const plugin = new NetworkPlugin(client);
      return { plugin, capabilities: await plugin.capabilities(options) };
    }, options);
    return { ...found, isNew };
  }

  /** An IPAM driver by name. @throws {NetworkError} as {@link Plugins.network} */
  async ipam(name: string, options: CallOptions = {}): Promise<ActiveIpamPlugin> {
    const { found } = await this.#activate(name, 'IpamDriver', async (client) => {
      const plugin = new IpamPlugin(client);
      return { plugin, needsMac: await plugin.needsMac(options), addressSpace: await plugin.addressSpace(options) };
    }, options);
    return found;
  }

  async #activate<T extends Omit<ActiveNetworkPlugin, 'isNew'> | ActiveIpamPlugin>(name: string, kind: Kind, get: (client: PluginClient) => Promise<T>, options: CallOptions): Promise<{ readonly found: T; readonly isNew: boolean }> {
    const { folders, patience, own } = this.#options;
    const address = await findPlugin(name, folders);
    if (address === undefined) throw new NetworkError('NOT_FOUND', `no Docker plugin ${quote(name)} in ${this.folders}: start it, or correct the name`);
    if (own?.has(await realpath(address.place).catch(() => address.place)) === true) {
      throw new NetworkError('INVALID', `plugin ${quote(name)} is this daemon itself, as Docker engines see it: use its drivers by their own names, as -d bridge`);
    }
    const key = `${kind} ${name} ${address.place}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      try {
        return { found: (await known) as T, isNew: false };
      } catch (error) {
        // Whoever asked first may have given up, which is no matter of this one.
        if (NetworkError.from(error).code !== 'ABORTED' || options.signal?.aborted === true) throw error;
        return await this.#activate(name, kind, get, options);
      }
    }
    const client = new PluginClient(address, { patience, observe: (exchange) => this.#tell(exchange) });
    const asked = this.#handshake(client, name, kind, options).then(() => get(client));
    this.#known.set(key, asked);
    // One that has failed is asked again.
    asked.catch(() => this.#known.delete(key));
    return { found: await asked, isNew: true };
  }

  async #handshake(client: PluginClient, name: string, kind: Kind, options: CallOptions): Promise<void> {
    const answer = readAnswer(activation, await client.call('Plugin.Activate', undefined, options), name, 'Plugin.Activate');
    const kinds = answer.implements ?? [];
    if (!kinds.includes(kind)) throw new NetworkError('UNSUPPORTED', `plugin ${quote(name)} is no ${kind}: it says that it is ${kinds.map(quote).join(' and ') || 'nothing'}`);
  }

  #tell(exchange: Exchange): void {
    for (const listener of this.#listeners) listener(exchange);
  }
}
