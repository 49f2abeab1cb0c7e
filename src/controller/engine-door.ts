import { NetworkError } from '../common/error.ts';
import type { Context } from './context.ts';
import {
  createEngineEndpoint,
  deleteEngineEndpoint,
  joinEngineEndpoint,
  leaveEngineEndpoint,
  programPorts,
  revokePorts,
  type EngineEndpointRequest,
} from './engine-endpoints.ts';
import { dropEndpoint, learnContainer, learnNetwork, learnPool, type ContainerKnowledge, type NetworkKnowledge } from './engine-knowledge.ts';
import { releaseEngineAddress, releaseEnginePool, requestEngineAddress, requestEnginePool, type EnginePoolRequest } from './engine-pools.ts';
import { interfaceTraits, type InterfaceTraits } from './interface-traits.ts';
import { joinedGateway, joinNetwork, partNetwork, requestJoinedPool } from './joined-networks.ts';
import { dropLeasedAddress, lanGateway, leasedAddress, requestLeasedPool, wantLeasedAddress, type LeasedAddressRequest, type LeasedPoolRequest } from './leased-addresses.ts';
import { removeNetwork } from './networks.ts';
import { GATEWAY_OWNER, type EndpointRecord, type EngineNetworkRecord, type NetworkRecord, type PoolRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { PortBinding } from '../ports/spec.ts';

/** A network as an engine knows it. */
export interface EngineNetwork {
  /** The engine's id of it. */
  readonly id: string;
  readonly name: string;
  /** Id of the engine that lists it, once that is known. */
  readonly engine?: string;
}

/** The calls of an engine that drives us as its plugin; each may come twice, and late. */
export class EngineDoor {
  readonly #context: Context;
  readonly #exclusive: <T>(task: () => Promise<T>) => Promise<T>;

  constructor(context: Context, exclusive: <T>(task: () => Promise<T>) => Promise<T>) {
    this.#context = context;
    this.#exclusive = exclusive;
  }

  /** The network that an engine's id means, if it is known. */
  network(id: string): NetworkRecord | undefined {
    const { ledger } = this.#context;
    return ledger.networks.get(ledger.networkIdOf(id))?.record;
  }

  /** How the engine is to configure an endpoint's interface. */
  interfaceTraits(endpoint: EndpointRecord): InterfaceTraits {
    return interfaceTraits(this.#context.ledger, endpoint);
  }

  /** The endpoint of an id, if it is known. */
  endpoint(id: string): EndpointRecord | undefined {
    return this.#context.ledger.endpoints.get(id);
  }

  /** Networks that engines have made, or joined. */
  networks(): EngineNetwork[] {
    const { ledger } = this.#context;
    const made = [...ledger.networks.values()].map(({ record }) => record).filter(({ owner }) => owner === 'engine');
    const joined = [...ledger.engineNetworks.values()].map((one) => ({ ...one, name: one.name ?? ledger.network(one.networkId).record.name }));
    return [...made, ...joined];
  }

  /** Endpoints of the engine's containers in a network. @param id the engine's */
  endpoints(id: string): EndpointRecord[] {
    const { ledger } = this.#context;
    return ledger.endpointsOfNetwork(ledger.networkIdOf(id)).filter(({ sandboxId, networkId, engineNetwork = networkId }) => sandboxId === undefined && engineNetwork === id);
  }

  /** Networks in which somebody may look for containers by name: a sandbox, whoever asks at the gateway, another host. */
  searched(): EngineNetwork[] {
    const { ledger } = this.#context;
    return this.networks().filter(({ id }) => {
      return ledger.engineNetworks.has(id) || ledger.network(id).driver.naming().servedAt.length > 0 || ledger.endpointsOfNetwork(id).some(({ sandboxId }) => sandboxId !== undefined);
    });
  }

  /** The other endpoints of the container that an endpoint belongs to. */
  sharing(id: string): EndpointRecord[] {
    const namespace = this.endpoint(id)?.attachment?.namespace;
    if (namespace === undefined) return [];
    return [...this.#context.ledger.endpoints.values()].filter((other) => other.id !== id && other.sandboxId === undefined && other.attachment?.namespace === namespace);
  }

  /** Pools that engines have asked for. */
  pools(): PoolRecord[] {
    return [...this.#context.ledger.pools.values()];
  }

  /** Takes over what an engine calls its network, and whose it is. */
  learnNetwork(id: string, knowledge: NetworkKnowledge): Promise<void> {
    return this.#exclusive(() => learnNetwork(this.#context, id, knowledge));
  }

  /** Writes down which engine a pool belongs to. */
  learnPool(id: string, engine: string): Promise<void> {
    return this.#exclusive(() => learnPool(this.#context, id, engine));
  }

  /** Writes down whose endpoint it is. */
  learnContainer(endpointId: string, knowledge: ContainerKnowledge): Promise<void> {
    return this.#exclusive(() => learnContainer(this.#context, endpointId, knowledge));
  }

  /** Forgets an endpoint that its engine does not know, unless a container still lives on it. @returns whether it is gone */
  dropEndpoint(id: string): Promise<boolean> {
    return this.#exclusive(() => dropEndpoint(this.#context, id));
  }

  /** Removes the engine's network; nothing to do for an unknown one. Its endpoints go with it: the engine has none left. */
  async deleteNetwork(id: string): Promise<void> {
    const joined = this.#context.ledger.engineNetworks.get(id);
    if (joined !== undefined) return this.#part(joined);
    await this.#exclusive(async () => {
      if (!this.#context.ledger.networks.has(id)) return;
      await this.forgetEndpoints(id);
      await removeNetwork(this.#context, id);
    });
  }

  /**
   * The engine's network is to be one of the cluster, which it finds by its name or makes.
   * @param id the engine's
   * @throws {NetworkError} INVALID where both do not agree, EXISTS, IN_USE, UNSUPPORTED without a cluster, UNAVAILABLE
   */
  async joinNetwork(id: string, request: NetworkRequest): Promise<void> {
    if (this.#context.ledger.engineNetworks.has(id)) return;
    try {
      await this.#join(id, request);
    } catch (error) {
      // Another host made it at the same time: then that one is meant.
      if (NetworkError.from(error).code !== 'EXISTS') throw error;
      await this.#join(id, request);
    }
  }

  async #join(id: string, request: NetworkRequest): Promise<void> {
    const { cluster, ledger } = this.#context;
    await cluster.catchUp(request.name);
    const network = await this.#exclusive(() => joinNetwork(this.#context, id, request));
    try {
      await cluster.share(network.id);
      await cluster.join(network.id);
    } catch (error) {
      const joined = ledger.engineNetworks.get(id);
      if (joined !== undefined) await this.#exclusive(() => partNetwork(this.#context, joined));
      throw error;
    }
  }

  /** The engine has a network of the cluster no more. @throws {NetworkError} KERNEL; what the others cannot be told now they are told later */
  async #part(joined: EngineNetworkRecord): Promise<void> {
    const { cluster } = this.#context;
    await this.#exclusive(async () => {
      for (const { id } of this.endpoints(joined.id)) await deleteEngineEndpoint(this.#context, id);
      await partNetwork(this.#context, joined);
    });
    await cluster.leave(joined.networkId).catch((error: unknown) => {
      if (NetworkError.from(error).code !== 'UNAVAILABLE') throw error;
    });
  }

  /** Deletes the engine's endpoints of a network, for a caller that has the turn. */
  async forgetEndpoints(networkId: string): Promise<void> {
    for (const endpoint of this.#context.ledger.endpointsOfNetwork(networkId)) {
      if (endpoint.sandboxId === undefined) await deleteEngineEndpoint(this.#context, endpoint.id);
    }
  }

  /** In a network of the cluster the others know of it when this resolves. @throws {NetworkError} also UNAVAILABLE, where the LAN gives the addresses and no server answers */
  async createEndpoint(request: EngineEndpointRequest): Promise<EndpointRecord> {
    const endpoint = await this.#exclusive(() => createEngineEndpoint(this.#context, request));
    try {
      await this.#context.dhcp.bound([endpoint]);
    } catch (error) {
      await this.deleteEndpoint(endpoint.id);
      throw error;
    }
    await this.#context.cluster.told();
    return this.#context.ledger.endpoint(endpoint.id);
  }

  /** @param namespace path of the container's namespace; it need not exist yet */
  join(id: string, namespace: string): Promise<EndpointRecord> {
    return this.#exclusive(() => joinEngineEndpoint(this.#context, id, namespace));
  }

  publish(id: string, bindings: readonly PortBinding[]): Promise<readonly ReservedPort[]> {
    return this.#exclusive(() => programPorts(this.#context, id, bindings));
  }

  revoke(id: string): Promise<void> {
    return this.#exclusive(() => revokePorts(this.#context, id));
  }

  leave(id: string): Promise<void> {
    return this.#exclusive(() => leaveEngineEndpoint(this.#context, id));
  }

  async deleteEndpoint(id: string): Promise<void> {
    await this.#exclusive(() => deleteEngineEndpoint(this.#context, id));
    await this.#context.cluster.told();
  }

  /** @throws {NetworkError} INVALID for other addresses than a network of the cluster has, IN_USE, FORBIDDEN, EXHAUSTED, UNSUPPORTED, UNAVAILABLE */
  async requestPool(request: EnginePoolRequest): Promise<PoolRecord> {
    const { network } = request;
    if (network !== undefined) {
      await this.#context.cluster.catchUp(network);
      return this.#exclusive(() => requestJoinedPool(this.#context, { ...request, network }));
    }
    return this.#exclusive(() => requestEnginePool(this.#context, request));
  }

  releasePool(id: string): Promise<void> {
    return this.#exclusive(() => releaseEnginePool(this.#context, id));
  }

  /** @returns CIDR @throws {NetworkError} NOT_FOUND (pool), INVALID, EXISTS, EXHAUSTED, UNAVAILABLE where another host would have to agree */
  async requestAddress(poolId: string, address: string | undefined, owner: string): Promise<string> {
    const { ledger, cluster } = this.#context;
    const pool = ledger.pools.get(poolId);
    if (pool?.networkId !== undefined && owner === GATEWAY_OWNER) return joinedGateway(this.#context, pool, address);
    using _address = pool?.networkId === undefined ? new DisposableStack() : await cluster.provideIn(pool.networkId, pool.subnet, address);
    const given = await this.#exclusive(async () => (ledger.pools.get(poolId)?.networkId === pool?.networkId ? requestEngineAddress(this.#context, poolId, address, owner) : undefined));
    // Its network has come from another host meanwhile, or gone.
    return given ?? this.requestAddress(poolId, address, owner);
  }

  releaseAddress(poolId: string, address: string): Promise<void> {
    return this.#exclusive(() => releaseEngineAddress(this.#context, poolId, address));
  }

  /** A pool whose addresses a DHCP server of the LAN lends. */
  requestLeasedPool(request: LeasedPoolRequest): Promise<PoolRecord> {
    return this.#exclusive(() => requestLeasedPool(this.#context, request));
  }

  /**
   * An address of such a pool: resolves when a server has lent it.
   * @returns CIDR
   * @throws {NetworkError} UNAVAILABLE when none answers in time, EXISTS when the wanted address is not given, INVALID, NOT_FOUND
   */
  async requestLeasedAddress(request: LeasedAddressRequest): Promise<string> {
    const record = await this.#exclusive(() => wantLeasedAddress(this.#context, request));
    try {
      await this.#context.dhcp.bound([record]);
    } catch (error) {
      await this.#exclusive(() => dropLeasedAddress(this.#context, record));
      throw error;
    }
    return leasedAddress(this.#context, record.id);
  }

  /** The host's own router on the LAN of such a pool. @returns CIDR @throws {NetworkError} NOT_FOUND */
  lanGateway(poolId: string): Promise<string> {
    return lanGateway(this.#context, poolId);
  }
}
