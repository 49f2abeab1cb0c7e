/** Pools and addresses that an engine asks of `tsipam`, and how they and those of `tsdhcp` are given back. */
import { canonicalAddress, formatAddress, parseAddress, withoutLength, type Family } from '../common/address.ts';
import { formatCidr, parseCidr } from '../common/cidr.ts';
import { cidrFromUser } from '../common/cidr-from-user.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Pool } from '../ipam/pool.ts';
import { HOST } from '../kernel/op.ts';
import type { Context } from './context.ts';
import { hostRoutes } from './host-routes.ts';
import { leasedAddressKey, poolKey, type LeasedAddressRecord, type NetworkRecord, type PoolRecord } from './records.ts';

/** What RequestPool asks. */
export interface EnginePoolRequest {
  readonly family: Family;
  /** CIDR; default a free one. */
  readonly subnet?: string;
  /** CIDR inside it. */
  readonly range?: string;
  /** Name of the network of the cluster that is to have it. */
  readonly network?: string;
}

/** Names of containers whose address is remembered: many have names that never come again. */
const MOST_REMEMBERED = 256;

const CONTAINER = /^container '([a-z0-9][a-z0-9_.-]*)'$/i;

/** Whom an address of a pool is for, where the engine says the name of the container. */
export function containerOwner(name: string): string {
  return `container ${quote(name)}`;
}

/** The name of the container that an address (CIDR) of a network was asked for; undefined where the engine did not say it. */
export function containerAt({ ledger }: Pick<Context, 'ledger'>, network: NetworkRecord, cidr: string): string | undefined {
  const address = withoutLength(cidr);
  const owners = ledger.poolsOfNetwork(network).flatMap(({ addresses }) => addresses[address] ?? []);
  return owners.flatMap((owner) => CONTAINER.exec(owner)?.[1] ?? [])[0];
}

/** Id of a pool of `tsipam`. */
export function enginePoolId(subnet: string, network?: string): string {
  return network === undefined ? `tsipam/${subnet}` : `tsipam/${network}/${subnet}`;
}

/**
 * Takes a pool. The id is `tsipam/SUBNET` (`tsipam/NETWORK/SUBNET` for one of the cluster), so that an engine that asks again after a restart finds its own.
 * @throws {NetworkError} INVALID, IN_USE, FORBIDDEN, EXHAUSTED
 */
export async function requestEnginePool(context: Context, request: EnginePoolRequest): Promise<PoolRecord> {
  const [host] = await context.kernel.snapshot([HOST]);
  const routes = hostRoutes(context.store.instanceId, host);
  const elsewhere = request.network === undefined ? [] : (context.cluster.view?.reaches ?? []);
  const { pool, warnings } = context.addresses.requestPool({
    family: request.family,
    owner: "the engine's IPAM",
    avoid: { ...routes, elsewhere: elsewhere.map((cidr) => parseCidr(cidr)) },
    ...(request.subnet === undefined ? {} : { subnet: cidrFromUser(request.subnet) }),
    ...(request.range === undefined ? {} : { range: cidrFromUser(request.range) }),
  });
  const subnet = formatCidr(pool.subnet);
  const record: PoolRecord = {
    id: enginePoolId(subnet, request.network),
    family: request.family,
    subnet,
    ...(request.network === undefined ? {} : { network: request.network }),
    ...(request.range === undefined ? {} : { range: request.range }),
    addresses: {},
  };
  try {
    await save(context, record);
  } catch (error) {
    context.addresses.releasePool(pool);
    throw error;
  }
  for (const warning of warnings) context.events.warn(warning);
  return record;
}

/**
 * Gives a pool back with all its addresses; nothing to do for an unknown one.
 * @throws {NetworkError} IN_USE while sandboxes of ours, which the engine does not know, have addresses of it
 */
export async function releaseEnginePool(context: Context, id: string): Promise<void> {
  const record = context.ledger.pools.get(id);
  if (record === undefined) return;
  if (record.networkId !== undefined) return releaseJoinedPool(context, record, record.networkId);
  const inside = context.ledger.endpointsOfPool(id).find(({ sandboxId }) => sandboxId !== undefined);
  if (inside !== undefined) throw new NetworkError('IN_USE', `pool ${record.subnet} has addresses of sandbox ${quote(inside.name)}: disconnect it first`);
  const leased = [...context.ledger.leased.values()].filter(({ poolId }) => poolId === id);
  await context.store.commit([{ key: poolKey(id) }, ...leased.map((one) => ({ key: leasedAddressKey(one.id) }))]);
  await giveBack(context, leased);
  context.ledger.pools.delete(id);
  const pool = context.addresses.pool(parseCidr(record.subnet));
  if (pool !== undefined) context.addresses.releasePool(pool);
}

/** The pool itself is its network's, and other networks of engines may have addresses of it still. */
async function releaseJoinedPool(context: Context, record: PoolRecord, networkId: string): Promise<void> {
  if (context.ledger.engineNetworksOf(networkId).length > 0) return;
  await context.store.commit([{ key: poolKey(record.id) }]);
  context.ledger.pools.delete(record.id);
  const pool = context.addresses.pool(parseCidr(record.subnet));
  for (const address of Object.keys(record.addresses)) pool?.releaseAddress(parseAddress(address));
}

/**
 * Takes an address of a pool.
 * @param address plain; default the lowest free one
 * @param owner who it is for, for messages
 * @returns CIDR
 * @throws {NetworkError} NOT_FOUND (pool), INVALID, EXISTS, EXHAUSTED, FORBIDDEN (another host's)
 */
export async function requestEngineAddress(context: Context, id: string, address: string | undefined, owner: string): Promise<string> {
  const { record, pool } = livePool(context, id);
  if (record.networkId !== undefined && address !== undefined) context.cluster.requireOurs(record.networkId, canonicalAddress(address));
  const taken = pool.requestAddress({ owner, ...(address === undefined ? {} : { address: parseAddress(canonicalAddress(address)) }) });
  const text = formatAddress(taken);
  try {
    await save(context, { ...record, addresses: { ...record.addresses, [text]: owner } });
  } catch (error) {
    pool.releaseAddress(taken);
    throw error;
  }
  return pool.withPrefix(taken);
}

/** Gives an address back; nothing to do when it is not taken. */
export async function releaseEngineAddress(context: Context, id: string, address: string): Promise<void> {
  const record = context.ledger.pools.get(id);
  if (record === undefined) return;
  const text = canonicalAddress(address);
  const { [text]: owner, ...addresses } = record.addresses;
  if (owner === undefined) return;
  const leased = [...context.ledger.leased.values()].filter((one) => one.poolId === id && one.address === text);
  const rest: PoolRecord = { ...remembering(record, leased), addresses };
  await context.store.commit([{ key: poolKey(id), value: rest }, ...leased.map((one) => ({ key: leasedAddressKey(one.id) }))]);
  await giveBack(context, leased);
  context.ledger.pools.set(id, rest);
  context.addresses.pool(parseCidr(record.subnet))?.releaseAddress(parseAddress(text));
}

/** Takes a pool and its addresses again after a restart; that of a network of the cluster when the network is there. */
export function restoreEnginePool(context: Pick<Context, 'addresses' | 'ledger'>, record: PoolRecord): void {
  const subnet = parseCidr(record.subnet);
  const range = record.range === undefined ? {} : { range: parseCidr(record.range) };
  const pool = record.networkId === undefined ? context.addresses.requestPool({ family: record.family, owner: "the engine's IPAM", subnet, ...range }).pool : context.addresses.pool(subnet);
  for (const [text, owner] of Object.entries(record.addresses)) pool?.requestAddress({ address: parseAddress(text), owner });
  context.ledger.pools.set(record.id, record);
}

/** A container comes back under its name with another MAC address, and servers that forget whoever says good-bye go by that. */
function remembering(record: PoolRecord, leased: readonly LeasedAddressRecord[]): PoolRecord {
  const named = leased.flatMap(({ container, address }): [string, string][] => (container === undefined || address === undefined ? [] : [[container, address]]));
  if (named.length === 0) return record;
  const names = new Set(named.map(([name]) => name));
  const others = Object.entries(record.former ?? {}).filter(([name]) => !names.has(name));
  return { ...record, former: Object.fromEntries([...others, ...named].slice(-MOST_REMEMBERED)) };
}

/** Of those that are written down no more. */
async function giveBack({ dhcp, ledger }: Context, leased: readonly LeasedAddressRecord[]): Promise<void> {
  await dhcp.release(leased);
  for (const { id } of leased) ledger.leased.delete(id);
}

/** A pool that an engine has asked for. @throws {NetworkError} NOT_FOUND */
export function livePool(context: Context, id: string): { record: PoolRecord; pool: Pool } {
  const record = context.ledger.pools.get(id);
  const pool = record === undefined ? undefined : context.addresses.pool(parseCidr(record.subnet));
  if (record === undefined || pool === undefined) throw new NetworkError('NOT_FOUND', `no such address pool ${quote(id)}: it was released, or belongs to another daemon`);
  return { record, pool };
}

async function save(context: Context, record: PoolRecord): Promise<void> {
  await context.store.commit([{ key: poolKey(record.id), value: record }]);
  context.ledger.pools.set(record.id, record);
}
