import type { DriverNetwork } from '../../drivers/driver.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { NotingMap } from './noting-map.ts';
import { predefinedRefusal } from './predefined-networks.ts';
import { RemoteEndpoints } from './remote-endpoints.ts';
import type { BlockRecord, CableRecord, EndpointRecord, EngineNetworkRecord, FarewellRecord, LoanRecord, LeasedAddressRecord, NetworkRecord, PoolRecord, SandboxRecord } from './records.ts';

/** A network as it lives: what is written down, and the driver's view of it. */
export interface LiveNetwork {
  readonly record: NetworkRecord;
  readonly driver: DriverNetwork;
}

/** A cable, and the alias text that its two links carry. */
export interface LiveCable {
  readonly record: CableRecord;
  readonly label: string;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** Ids of what came, changed or went. */
export interface Touched {
  readonly networks: Set<string>;
  readonly sandboxes: Set<string>;
  readonly endpoints: Set<string>;
}

/** What was touched, which is cleared. */
export function takeTouched({ networks, sandboxes, endpoints }: Touched): Touched {
  const taken = { networks: new Set(networks), sandboxes: new Set(sandboxes), endpoints: new Set(endpoints) };
  for (const ids of [networks, sandboxes, endpoints]) ids.clear();
  return taken;
}

/** The wanted state in memory: records by id, and who belongs to whom. */
export class Ledger {
  /** What names may have to follow; whoever has followed clears it. */
  readonly touched: Touched = { networks: new Set(), sandboxes: new Set(), endpoints: new Set() };
  /** What other hosts may have to be told; whoever has told them clears it. */
  readonly untold: Touched = { networks: new Set(), sandboxes: new Set(), endpoints: new Set() };
  readonly networks: Map<string, LiveNetwork> = new NotingMap(this.touched.networks, this.untold.networks);
  readonly sandboxes: Map<string, SandboxRecord> = new NotingMap(this.touched.sandboxes, this.untold.sandboxes);
  readonly endpoints: Map<string, EndpointRecord> = new NotingMap(this.touched.endpoints, this.untold.endpoints);
  readonly cables: Map<string, LiveCable> = new Map();
  readonly pools: Map<string, PoolRecord> = new Map();
  /** What engines call networks of the cluster, by the ids that they gave them. */
  readonly engineNetworks: Map<string, EngineNetworkRecord> = new Map();
  readonly leased: Map<string, LeasedAddressRecord> = new Map();
  readonly farewells: Map<string, FarewellRecord> = new Map();
  /** Endpoints in networks of Docker plugins that are joining, by id: who knows how far they have come. */
  readonly joining: Set<string> = new Set();
  /** Of networks that span hosts, by network: the parts of their subnets from which this host gives addresses. */
  readonly blocks: Map<string, readonly BlockRecord[]> = new Map();
  /** Addresses out of those that other hosts have, by network and address. */
  readonly loans: Map<string, LoanRecord> = new Map();
  /** And what they have on the other hosts. */
  readonly remotes: RemoteEndpoints = new RemoteEndpoints(this.touched.endpoints);
  /** Endpoints in networks of Docker plugins that have lost their link, by id: why. */
  readonly unjoined: Map<string, string> = new Map();
  /** `device:inode` of sandboxes' namespaces, as seen last; not of all of them. */
  readonly identities: Map<string, string> = new Map();
  /** Sandboxes without a namespace of their own, because their name is somebody else's now: why, by id. */
  readonly displaced: Map<string, string> = new NotingMap(this.touched.sandboxes);
  readonly #byNetwork = new Map<string, Set<string>>();
  readonly #bySandbox = new Map<string, Set<string>>();
  /** By network: the MAC by which neighbours knew an address (CIDR) last. */
  readonly #formerMacs = new Map<string, Map<string, string>>();

  /** @throws {NetworkError} NOT_FOUND, INVALID for an ambiguous shortened id, FORBIDDEN for one of the two that are always there */
  network(reference: string): LiveNetwork {
    const records = [...this.networks.values()].map(({ record }) => record);
    const refusal = predefinedRefusal(reference);
    if (refusal !== undefined && records.every(({ name }) => name !== reference)) throw refusal;
    const found = this.networks.get(find('network', reference, records, this.networks.get(reference)?.record).id);
    if (found === undefined) throw missing('network', reference);
    return found;
  }

  /** @throws {NetworkError} NOT_FOUND, or INVALID for an ambiguous shortened id */
  sandbox(reference: string): SandboxRecord {
    return find('sandbox', reference, this.sandboxes.values(), this.sandboxes.get(reference));
  }

  /** @throws {NetworkError} NOT_FOUND */
  endpoint(id: string): EndpointRecord {
    const found = this.endpoints.get(id);
    if (found === undefined) throw missing('endpoint', id);
    return found;
  }

  /** @throws {NetworkError} NOT_FOUND, or INVALID for an ambiguous shortened id */
  cable(reference: string): LiveCable {
    const records = [...this.cables.values()].map(({ record }) => record);
    const found = this.cables.get(find('link', reference, records, this.cables.get(reference)?.record).id);
    if (found === undefined) throw missing('link', reference);
    return found;
  }

  networkNamed(name: string): LiveNetwork | undefined {
    return [...this.networks.values()].find(({ record }) => record.name === name);
  }

  sandboxNamed(name: string): SandboxRecord | undefined {
    return [...this.sandboxes.values()].find((sandbox) => sandbox.name === name);
  }

  endpointsOfNetwork(networkId: string): EndpointRecord[] {
    return this.#members(this.#byNetwork, networkId);
  }

  /** The network whose addresses come from a pool that an engine asked for, if the driver is one of ours too. */
  networkOfPool(poolId: string): NetworkRecord | undefined {
    return [...this.networks.values()].find(({ record }) => [...record.ipv4, ...record.ipv6].some((subnet) => subnet.poolId === poolId))?.record;
  }

  /** Pools of engines that give addresses of a network. */
  poolsOfNetwork({ id, ipv4, ipv6 }: Pick<NetworkRecord, 'id' | 'ipv4' | 'ipv6'>): PoolRecord[] {
    const own = [...ipv4, ...ipv6].flatMap(({ poolId = '' }) => this.pools.get(poolId) ?? []);
    return [...own, ...[...this.pools.values()].filter(({ networkId }) => networkId === id)];
  }

  /** What engines call a network of the cluster. */
  engineNetworksOf(networkId: string): EngineNetworkRecord[] {
    return [...this.engineNetworks.values()].filter((joined) => joined.networkId === networkId);
  }

  /** Id of the network that an engine's id means. */
  networkIdOf(engineId: string): string {
    return this.engineNetworks.get(engineId)?.networkId ?? engineId;
  }

  /** Endpoints of that network. */
  endpointsOfPool(poolId: string): EndpointRecord[] {
    const network = this.networkOfPool(poolId);
    return network === undefined ? [] : this.endpointsOfNetwork(network.id);
  }

  endpointsOfSandbox(sandboxId: string): EndpointRecord[] {
    return this.#members(this.#bySandbox, sandboxId);
  }

  cablesOfSandbox(sandboxId: string): LiveCable[] {
    return [...this.cables.values()].filter(({ record }) => record.ends.some((end) => 'sandboxId' in end && end.sandboxId === sandboxId));
  }

  /** Whether an endpoint with another MAC had one of its addresses before, as far as this process knows. */
  succeedsAnother({ networkId, mac, ipv4, ipv6 }: EndpointRecord): boolean {
    const macs = this.#formerMacs.get(networkId);
    return [ipv4, ipv6].some((address) => address !== undefined && (macs?.get(address) ?? mac) !== mac);
  }

  /** Drops a network that has no endpoints any more. */
  removeNetwork(id: string): void {
    this.networks.delete(id);
    this.blocks.delete(id);
    this.remotes.delete(id);
    this.#formerMacs.delete(id);
  }

  /** Adds an endpoint or takes its new version. */
  putEndpoint(endpoint: EndpointRecord): void {
    this.endpoints.set(endpoint.id, endpoint);
    entry(this.#byNetwork, endpoint.networkId, () => new Set<string>()).add(endpoint.id);
    if (endpoint.sandboxId !== undefined) entry(this.#bySandbox, endpoint.sandboxId, () => new Set<string>()).add(endpoint.id);
  }

  removeEndpoint(id: string): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return;
    this.endpoints.delete(id);
    this.joining.delete(id);
    this.unjoined.delete(id);
    drop(this.#byNetwork, endpoint.networkId, id);
    for (const address of [endpoint.ipv4, endpoint.ipv6]) if (address !== undefined) entry(this.#formerMacs, endpoint.networkId, () => new Map<string, string>()).set(address, endpoint.mac);
    if (endpoint.sandboxId !== undefined) drop(this.#bySandbox, endpoint.sandboxId, id);
  }

  #members(members: ReadonlyMap<string, ReadonlySet<string>>, key: string): EndpointRecord[] {
    return [...(members.get(key) ?? [])].map((id) => this.endpoint(id));
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

function drop(map: Map<string, Set<string>>, key: string, id: string): void {
  const members = map.get(key);
  members?.delete(id);
  if (members?.size === 0) map.delete(key);
}

/** By id, then by name, then by the beginning of an id, as in Docker. */
function find<T extends Named>(what: string, reference: string, all: Iterable<T>, exact: T | undefined): T {
  if (exact !== undefined) return exact;
  const candidates = [...all];
  const named = candidates.filter(({ name }) => name === reference);
  const found = named.length > 0 || !/^[0-9a-f]{2,}$/.test(reference) ? named : candidates.filter(({ id }) => id.startsWith(reference));
  const [first] = found;
  if (first === undefined) throw missing(what, reference);
  if (found.length > 1) {
    throw new NetworkError('INVALID', `${what} ${quote(reference)} is ambiguous: ${found.map(({ id }) => id.slice(0, 12)).join(', ')}; give more of the id`);
  }
  return first;
}

function missing(what: string, reference: string): NetworkError {
  const list = what === 'endpoint' ? '' : `: 'netctl ${what} ls' lists what there is`;
  return new NetworkError('NOT_FOUND', `no such ${what} ${quote(reference)}${list}`);
}
