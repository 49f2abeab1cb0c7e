import { z } from 'zod';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { CallOptions, PluginClient } from './plugin-client.ts';
import { flag, interfaceAddress, readAnswer, subnet, text } from './read-answer.ts';

const TYPE = 'IpamDriver';
const GATEWAY = 'com.docker.network.gateway';
const ENDPOINT = 'com.docker.network.endpoint';

/** A pool that is wanted. */
export interface PoolCall {
  readonly addressSpace: string;
  /** CIDR; undefined for any. */
  readonly subnet: string | undefined;
  /** CIDR inside it. */
  readonly range: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly ipv6: boolean;
}

/** A pool that was given. */
export interface GivenPool {
  readonly id: string;
  /** CIDR */
  readonly subnet: string;
  /** CIDR; the plugin has taken it itself. */
  readonly gateway: string | undefined;
}

const capabilities = z.object({ requiresmacaddress: flag });
const spaces = z.object({ localdefaultaddressspace: text });
const pool = z.object({ poolid: text, pool: subnet, data: z.object({ [GATEWAY]: interfaceAddress }).nullish() });
const address = z.object({ address: interfaceAddress });

/** A Docker IPAM driver in a process of its own, asked as the engine asks it. */
export class IpamPlugin {
  readonly #client: PluginClient;

  constructor(client: PluginClient) {
    this.#client = client;
  }

  get name(): string {
    return this.#client.address.name;
  }

  /** Whether it has to be told the MAC address of an endpoint. One that does not know the question has no wishes, as to the engine. */
  async needsMac(options: CallOptions): Promise<boolean> {
    try {
      return (await this.#ask('GetCapabilities', undefined, capabilities, options)).requiresmacaddress;
    } catch (error) {
      if (NetworkError.from(error).code === 'FORBIDDEN') return false;
      throw error;
    }
  }

  /** @throws {NetworkError} FORBIDDEN, UNAVAILABLE, ABORTED as all of these */
  async addressSpace(options: CallOptions): Promise<string> {
    return (await this.#ask('GetDefaultAddressSpaces', undefined, spaces, options)).localdefaultaddressspace ?? '';
  }

  async requestPool({ addressSpace, subnet: wanted, range, options: given, ipv6 }: PoolCall, options: CallOptions): Promise<GivenPool> {
    const answer = await this.#ask('RequestPool', { AddressSpace: addressSpace, Pool: wanted ?? '', SubPool: range ?? '', Options: given, V6: ipv6 }, pool, options);
    if (answer.poolid === undefined || answer.pool === undefined) this.#incomplete('RequestPool', 'a PoolID and a Pool');
    return { id: answer.poolid, subnet: answer.pool, gateway: answer.data?.[GATEWAY] };
  }

  async releasePool(PoolID: string, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.ReleasePool`, { PoolID }, options);
  }

  /** @param wanted plain; undefined for the plugin's choice @returns CIDR */
  requestGateway(poolId: string, wanted: string | undefined, options: CallOptions): Promise<string> {
    return this.#request(poolId, wanted, { RequestAddressType: GATEWAY }, options);
  }

  /**
   * @param wanted plain; undefined for the plugin's choice
   * @param endpoint its name, and its MAC address where the plugin needs that
   * @returns CIDR
   */
  requestAddress(poolId: string, wanted: string | undefined, endpoint: { readonly name: string; readonly mac?: string }, options: CallOptions): Promise<string> {
    return this.#request(poolId, wanted, { [`${ENDPOINT}.name`]: endpoint.name, ...(endpoint.mac === undefined ? {} : { [`${ENDPOINT}.macaddress`]: endpoint.mac }) }, options);
  }

  /** An address that is to be given to nobody. @param wanted plain @returns CIDR */
  requestAuxiliary(poolId: string, wanted: string, options: CallOptions): Promise<string> {
    return this.#request(poolId, wanted, {}, options);
  }

  /** @param Address plain */
  async releaseAddress(PoolID: string, Address: string, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.ReleaseAddress`, { PoolID, Address }, options);
  }

  async #request(PoolID: string, wanted: string | undefined, Options: Readonly<Record<string, string>>, options: CallOptions): Promise<string> {
    const answer = await this.#ask('RequestAddress', { PoolID, Address: wanted ?? '', Options }, address, options);
    return answer.address ?? this.#incomplete('RequestAddress', 'an Address');
  }

  #incomplete(method: string, what: string): never {
    throw new NetworkError('UNAVAILABLE', `plugin ${quote(this.name)} answered ${TYPE}.${method} without ${what}`);
  }

  async #ask<T>(method: string, body: unknown, shape: z.ZodType<T>, options: CallOptions): Promise<T> {
    const full = `${TYPE}.${method}`;
    return readAnswer(shape, await this.#client.call(full, body, options), this.name, full);
  }
}
