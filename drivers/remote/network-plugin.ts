import { z } from 'zod';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { RouteState } from '../../src/kernel/link-state.ts';
import type { CallOptions, PluginClient } from './plugin-client.ts';
import { flag, interfaceAddress, mac, plainAddress, readAnswer, subnet, text } from './read-answer.ts';

const TYPE = 'NetworkDriver';

/** What the engine's IPAM says of a subnet. Left out where there is nothing to say: the one omission in the protocol. */
export interface PluginSubnet {
  readonly AddressSpace: string;
  /** CIDR */
  readonly Pool: string;
  /** CIDR */
  readonly Gateway?: string;
  /** Name to CIDR. */
  readonly AuxAddresses?: Readonly<Record<string, string>>;
}

/** Options of a call: texts and objects of the engine's own. */
export type PluginOptions = Readonly<Record<string, unknown>>;

/** NetworkDriver.CreateNetwork */
export interface CreateNetworkCall {
  readonly NetworkID: string;
  readonly Options: PluginOptions;
  readonly IPv4Data: readonly PluginSubnet[];
  readonly IPv6Data: readonly PluginSubnet[];
}

/** An endpoint of a network, by both ids. */
export interface EndpointCall {
  readonly NetworkID: string;
  readonly EndpointID: string;
}

/** Addresses of an endpoint; empty text for what is not known. */
export interface PluginInterface {
  /** CIDR */
  readonly Address: string;
  /** CIDR */
  readonly AddressIPv6: string;
  readonly MacAddress: string;
}

/** What a driver can do. */
export interface NetworkCapabilities {
  /** It wants to know of the other hosts. */
  readonly discovers: boolean;
  /** It wants to be asked whether a gateway is needed. */
  readonly checksGateways: boolean;
}

/** How a driver wants an endpoint to be attached. */
export interface JoinAnswer {
  /** Link in the host's namespace that is to be moved; undefined where the driver has furnished the sandbox itself. */
  readonly source: string | undefined;
  readonly prefix: string | undefined;
  /** Exact name in the sandbox. */
  readonly name: string | undefined;
  /** Plain addresses. */
  readonly gateway: string | undefined;
  readonly gatewayIPv6: string | undefined;
  readonly routes: readonly RouteState[];
}

const capabilities = z.object({ scope: text, connectivityscope: text, gwallocchecker: flag });
const gateways = z.object({ skipipv4: flag, skipipv6: flag });
const interfaces = z.object({ interface: z.object({ address: interfaceAddress, addressipv6: interfaceAddress, macaddress: mac }).nullish() });
/** 0: by NextHop. 1: on the link itself (types.NEXTHOP and types.CONNECTED). */
const route = z.object({ destination: subnet, routetype: z.int().nullish(), nexthop: plainAddress });
const joined = z.object({
  interfacename: z.object({ srcname: text, dstprefix: text, dstname: text }).nullish(),
  gateway: plainAddress,
  gatewayipv6: plainAddress,
  staticroutes: z.array(route).nullish(),
});

/** A Docker network driver in a process of its own, asked as the engine asks it. */
export class NetworkPlugin {
  readonly #client: PluginClient;

  constructor(client: PluginClient) {
    this.#client = client;
  }

  get name(): string {
    return this.#client.address.name;
  }

  /** @throws {NetworkError} UNSUPPORTED for a scope that no engine takes; FORBIDDEN, UNAVAILABLE, ABORTED as all of these */
  async capabilities(options: CallOptions): Promise<NetworkCapabilities> {
    const { scope, connectivityscope, gwallocchecker } = await this.#ask('GetCapabilities', undefined, capabilities, options);
    for (const said of [scope ?? '', connectivityscope ?? 'local']) {
      if (said !== 'local' && said !== 'global') throw new NetworkError('UNSUPPORTED', `plugin ${quote(this.name)} says scope ${quote(said)} to ${TYPE}.GetCapabilities, where an engine takes local and global`);
    }
    return { discovers: (connectivityscope ?? scope) === 'global', checksGateways: gwallocchecker };
  }

  /** Families for which no gateway is needed. */
  async gatewaysToSkip(Options: PluginOptions, options: CallOptions): Promise<ReadonlySet<4 | 6>> {
    const { skipipv4, skipipv6 } = await this.#ask('GwAllocCheck', { Options }, gateways, options);
    return new Set([...(skipipv4 ? [4 as const] : []), ...(skipipv6 ? [6 as const] : [])]);
  }

  /** Tells it of this host, as the engine does of each node. What it makes of that does not matter to anybody. @param address plain */
  async discover(address: string, options: CallOptions): Promise<void> {
    const DiscoveryData = { Address: address, BindAddress: address, Self: true };
    await this.#client.call(`${TYPE}.DiscoverNew`, { DiscoveryType: 1, DiscoveryData }, options);
  }

  async createNetwork(call: CreateNetworkCall, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.CreateNetwork`, call, options);
  }

  async deleteNetwork(NetworkID: string, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.DeleteNetwork`, { NetworkID }, options);
  }

  /**
   * @param Interface what is known; the driver may fill what is not
   * @returns all three, with what it filled
   * @throws {NetworkError} UNAVAILABLE when it answers a field that was filled already, which every engine refuses
   */
  async createEndpoint(endpoint: EndpointCall, Interface: PluginInterface, Options: PluginOptions, options: CallOptions): Promise<PluginInterface> {
    const { interface: answer } = await this.#ask('CreateEndpoint', { ...endpoint, Interface, Options }, interfaces, options);
    const fill = (what: string, known: string, given: string | undefined): string => {
      if (given === undefined || known === '') return given ?? known;
      throw new NetworkError('UNAVAILABLE', `plugin ${quote(this.name)} answered ${TYPE}.CreateEndpoint with ${what} ${quote(given)}, which was given to it as ${quote(known)}: it may fill what is empty only`);
    };
    return {
      Address: fill('address', Interface.Address, answer?.address),
      AddressIPv6: fill('address', Interface.AddressIPv6, answer?.addressipv6),
      MacAddress: fill('MAC address', Interface.MacAddress, answer?.macaddress),
    };
  }

  /** What it knows of the endpoint; nobody does anything with it. */
  async operationalInfo(endpoint: EndpointCall, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.EndpointOperInfo`, endpoint, options);
  }

  async deleteEndpoint(endpoint: EndpointCall, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.DeleteEndpoint`, endpoint, options);
  }

  /** @param SandboxKey path of the sandbox's namespace, which is there */
  async join(endpoint: EndpointCall, SandboxKey: string, Options: PluginOptions, options: CallOptions): Promise<JoinAnswer> {
    const answer = await this.#ask('Join', { ...endpoint, SandboxKey, Options }, joined, options);
    return {
      source: answer.interfacename?.srcname,
      prefix: answer.interfacename?.dstprefix,
      name: answer.interfacename?.dstname,
      gateway: answer.gateway,
      gatewayIPv6: answer.gatewayipv6,
      routes: (answer.staticroutes ?? []).flatMap(({ destination, routetype, nexthop }): RouteState[] => {
        if (destination === undefined) return [];
        return [{ destination, ...(routetype === 1 || nexthop === undefined ? {} : { gateway: nexthop }) }];
      }),
    };
  }

  async leave(endpoint: EndpointCall, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.Leave`, endpoint, options);
  }

  /** The sandbox's way out goes through the endpoint now. Drivers need not know this method. */
  async programExternalConnectivity(endpoint: EndpointCall, Options: PluginOptions, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.ProgramExternalConnectivity`, { ...endpoint, Options }, { ...options, optional: true });
  }

  /** It does not any more. */
  async revokeExternalConnectivity(endpoint: EndpointCall, options: CallOptions): Promise<void> {
    await this.#client.call(`${TYPE}.RevokeExternalConnectivity`, endpoint, { ...options, optional: true });
  }

  async #ask<T>(method: string, body: unknown, shape: z.ZodType<T>, options: CallOptions): Promise<T> {
    const full = `${TYPE}.${method}`;
    return readAnswer(shape, await this.#client.call(full, body, options), this.name, full);
  }
}
