/** Pools and addresses that an engine asks of `tsdhcp`: a server of the LAN lends them, for as long as the engine holds them. */
import { canonicalAddress, parseAddress, withoutLength } from '../common/address.ts';
import { cidrFromUser } from '../common/cidr-from-user.ts';
import { contains, formatCidr, parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import { HOST } from '../kernel/op.ts';
import { newId, timestamp, type Context } from './context.ts';
import { containerOwner, livePool, releaseEngineAddress } from './engine-pools.ts';
import { leasedAddressKey, poolKey, type LeasedAddressRecord, type PoolRecord } from './records.ts';

/** `eth0.100` */
const SUB_INTERFACE = /.\.[1-9]\d{0,3}$/;

/** What RequestPool asks of `tsdhcp`. */
export interface LeasedPoolRequest {
  /** CIDR: that of the LAN. */
  readonly subnet: string;
  /** Link of the host on that LAN. */
  readonly parent: string;
  /** How long its server is to be waited for, ms. */
  readonly patience?: number;
}

/** For whom an address is asked of `tsdhcp`. */
export interface LeasedAddressRequest {
  readonly poolId: string;
  readonly mac: string;
  /** Name of the container. */
  readonly container?: string;
  /** Plain address; no other one is taken. */
  readonly wanted?: string;
}

/**
 * Takes a pool of the LAN's own subnet. The id is `tsdhcp/SUBNET`.
 * @throws {NetworkError} INVALID, NOT_FOUND (parent), IN_USE for a subnet that another network has
 */
export async function requestLeasedPool(context: Context, { subnet: text, parent, patience }: LeasedPoolRequest): Promise<PoolRecord> {
  const { kernel, addresses, store, ledger } = context;
  const [host] = await kernel.snapshot([HOST]);
  checkParent(parent, host?.links.map(({ name }) => name) ?? []);
  const cidr = cidrFromUser(text);
  const { pool } = addresses.requestPool({ family: 4, owner: "the engine's IPAM", subnet: cidr });
  const subnet = formatCidr(cidr);
  const record: PoolRecord = { id: `tsdhcp/${subnet}`, family: 4, subnet, parent, ...(patience === undefined ? {} : { patience }), addresses: {} };
  try {
    await store.commit([{ key: poolKey(record.id), value: record }]);
  } catch (error) {
    addresses.releasePool(pool);
    throw error;
  }
  ledger.pools.set(record.id, record);
  return record;
}

/**
 * Writes down that an address is wanted; a client asks for it then. A container of the same name, or the same
 * MAC address, is the one from before, whose engine was killed: its place is taken.
 * @throws {NetworkError} NOT_FOUND (pool), INVALID, EXISTS
 */
export async function wantLeasedAddress(context: Context, { poolId, mac, container, wanted }: LeasedAddressRequest): Promise<LeasedAddressRecord> {
  const { ledger, store } = context;
  const { pool } = livePool(context, poolId);
  const former = [...ledger.leased.values()].filter((one) => one.poolId === poolId && (container === undefined ? one.mac === mac : one.container === container));
  for (const one of former) await dropLeasedAddress(context, one);
  const address = wanted === undefined ? undefined : canonicalAddress(wanted);
  if (address !== undefined) {
    if (!contains(pool.subnet, parseAddress(address))) throw new NetworkError('INVALID', `address ${address} is outside of ${formatCidr(pool.subnet)}`);
    const other = [...ledger.leased.values()].find((one) => one.poolId === poolId && one.address === address);
    const owner = pool.ownerOf(parseAddress(address)) ?? (other === undefined ? undefined : ownerOf(other));
    if (owner !== undefined) throw new NetworkError('EXISTS', `address ${address} is taken by ${owner}`);
  }
  const record: LeasedAddressRecord = {
    id: newId(context),
    created: timestamp(context),
    poolId,
    mac,
    ...(container === undefined ? {} : { container }),
    ...(address === undefined ? {} : { address }),
  };
  await store.commit([{ key: leasedAddressKey(record.id), value: record }]);
  ledger.leased.set(record.id, record);
  return record;
}

/**
 * Writes a lease down, or that there is none any more: the container goes on with its address, which is asked for again.
 * @returns whether the address is wanted still
 * @throws {NetworkError} INVALID for an address that the network cannot have, IN_USE for one that somebody else in it has
 */
export async function takeAddressLease(context: Context, id: string, lease: DhcpLease | undefined): Promise<boolean> {
  const { ledger, store } = context;
  const { lease: _lease, ...before } = ledger.leased.get(id) ?? {};
  if (!isWhole(before)) return false;
  const { record, pool } = livePool(context, before.poolId);
  if (lease === undefined) {
    await store.commit([{ key: leasedAddressKey(id), value: before }]);
    ledger.leased.set(id, before);
    return true;
  }
  const address = withoutLength(lease.address);
  const isHeld = before.address !== undefined && record.addresses[before.address] !== undefined;
  if (isHeld && before.address !== address) {
    throw new NetworkError('INVALID', `DHCP server ${lease.server} gives ${address} in place of ${before.address ?? ''}, which the container goes on using`);
  }
  if (!contains(pool.subnet, parseAddress(address))) {
    throw new NetworkError('INVALID', `DHCP server ${lease.server} gives ${lease.address}, which is outside of ${record.subnet}: create the network with --subnet ${formatCidr(parseCidr(lease.address, { allowHostBits: true }))}`);
  }
  const owner = pool.ownerOf(parseAddress(address));
  if (!isHeld && owner !== undefined) throw new NetworkError('IN_USE', `address ${address} is taken by ${owner}`);
  const leased: LeasedAddressRecord = { ...before, address, lease };
  const name = ownerOf(before);
  const holder: PoolRecord = { ...record, addresses: { ...record.addresses, [address]: name } };
  await store.commit([{ key: leasedAddressKey(id), value: leased }, ...(isHeld ? [] : [{ key: poolKey(record.id), value: holder }])]);
  if (!isHeld) {
    pool.requestAddress({ address: parseAddress(address), owner: name });
    ledger.pools.set(record.id, holder);
  }
  ledger.leased.set(id, leased);
  return true;
}

/** The address as an interface carries it (CIDR). @throws {NetworkError} NOT_FOUND when it was given back meanwhile */
export function leasedAddress(context: Context, id: string): string {
  const { poolId = '', address } = context.ledger.leased.get(id) ?? {};
  if (address === undefined) throw new NetworkError('NOT_FOUND', 'the address was given back while it was waited for');
  return livePool(context, poolId).pool.withPrefix(parseAddress(address));
}

/** Forgets an address that is wanted or held, and gives it back to its server. */
export async function dropLeasedAddress(context: Context, { id, poolId, address }: LeasedAddressRecord): Promise<void> {
  // One that it has is the pool's too.
  if (address !== undefined) await releaseEngineAddress(context, poolId, address);
  if (!context.ledger.leased.has(id)) return;
  await context.store.commit([{ key: leasedAddressKey(id) }]);
  await context.dhcp.release([{ id }]);
  context.ledger.leased.delete(id);
}

/**
 * The router by which the host itself leaves the LAN of a pool: engines before 28 want a gateway at once, and
 * containers learn of theirs with their lease.
 * @returns CIDR
 * @throws {NetworkError} NOT_FOUND (pool, or a router)
 */
export async function lanGateway(context: Context, poolId: string): Promise<string> {
  const { record, pool } = livePool(context, poolId);
  const [host] = await context.kernel.snapshot([HOST]);
  const parent = host?.links.find(({ name }) => name === record.parent);
  const ways = host?.routes.filter(({ destination, linkIndex }) => destination === '0.0.0.0/0' && linkIndex === parent?.index) ?? [];
  const [gateway] = ways.flatMap(({ gateway: by }) => (by !== undefined && contains(pool.subnet, parseAddress(by)) ? [by] : []));
  if (gateway === undefined) throw new NetworkError('NOT_FOUND', `this engine wants to know a gateway, and the host has no default route by ${record.parent ?? ''}: name the router of ${record.subnet} with --gateway`);
  return pool.withPrefix(parseAddress(gateway));
}

function ownerOf({ container }: LeasedAddressRecord): string {
  return container === undefined ? 'a container of the engine' : containerOwner(container);
}

function isWhole(record: Partial<LeasedAddressRecord>): record is LeasedAddressRecord {
  return record.id !== undefined;
}

function checkParent(parent: string, links: readonly string[]): void {
  if (parent === 'lo') throw new NetworkError('INVALID', `parent 'lo' is the loopback interface, by which no DHCP server is reached: name the link on the LAN`);
  // A VLAN sub-interface that is missing comes with the network.
  for (let name = parent; !links.includes(name); name = name.slice(0, name.lastIndexOf('.'))) {
    if (!SUB_INTERFACE.test(name)) throw new NetworkError('NOT_FOUND', `parent ${quote(parent)} does not exist: this host has ${links.filter((one) => one !== 'lo').slice(0, 12).join(', ') || 'no link but lo'}`);
  }
}
