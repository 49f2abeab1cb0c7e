/** Networks of the cluster that are an engine's too: what it asks for has to be what all hosts have. */
import { canonicalAddress } from '../common/address.ts';
import { formatCidr, parseCidr } from '../common/cidr.ts';
import { cidrFromUser } from '../common/cidr-from-user.ts';
import { NetworkError } from '../common/error.ts';
import { requireNetworkName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { timestamp, type Context } from './context.ts';
import { enginePoolId, requestEnginePool, restoreEnginePool, type EnginePoolRequest } from './engine-pools.ts';
import type { LiveNetwork } from './ledger.ts';
import { createNetwork, removeNetwork, type KnownNetwork } from './networks.ts';
import { engineNetworkKey, poolKey, type EngineNetworkRecord, type NetworkRecord, type PoolRecord, type SubnetRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';

/** Options that a network has settled for all hosts, whether or not somebody gave them. */
const SETTLED: Readonly<Record<string, string>> = { 'tsoverlay.vni': 'vni', 'com.docker.network.driver.overlay.vxlanid_list': 'vni', 'com.docker.network.driver.mtu': 'mtu' };

/**
 * The pool of a network of the cluster. Where the network is yet to be made, one that it will have: what else it
 * is made of comes with a later call, and a network is never changed after it was made.
 * @throws {NetworkError} INVALID for other addresses than all hosts have, and as {@link requestEnginePool}
 */
export async function requestJoinedPool(context: Context, request: EnginePoolRequest & { readonly network: string }): Promise<PoolRecord> {
  const { family, network: name } = request;
  const live = context.ledger.networkNamed(requireNetworkName(name));
  if (live === undefined) return requestEnginePool(context, request);
  const { record } = requireSpanning(live);
  const subnet = agreedSubnet(record, request);
  const id = enginePoolId(subnet.subnet, name);
  const known = context.ledger.pools.get(id);
  if (known !== undefined) return known;
  const pool: PoolRecord = { id, family, subnet: subnet.subnet, network: name, networkId: record.id, addresses: {} };
  await context.store.commit([{ key: poolKey(id), value: pool }]);
  context.ledger.pools.set(id, pool);
  return pool;
}

/** The gateway that a network of the cluster has on every host. @returns CIDR @throws {NetworkError} INVALID for another one */
export function joinedGateway({ ledger }: Pick<Context, 'ledger'>, { networkId = '', subnet }: PoolRecord, wanted: string | undefined): string {
  const { record } = ledger.network(networkId);
  const gateway = [...record.ipv4, ...record.ipv6].find((one) => one.subnet === subnet)?.gateway;
  requireGateway(record, gateway, wanted);
  return `${gateway ?? ''}/${String(parseCidr(subnet).prefix)}`;
}

/**
 * An engine's network is one of the cluster: found by its name, or made.
 * @param engineId what the engine calls it from now on
 * @throws {NetworkError} INVALID where both do not agree, EXISTS (a network of this host alone), and as {@link createNetwork}
 */
export async function joinNetwork(context: Context, engineId: string, request: NetworkRequest): Promise<NetworkRecord> {
  const { ledger, store } = context;
  const pools = poolsOf(context, request);
  const found = ledger.networkNamed(request.name);
  if (found !== undefined) requireAgreement(requireSpanning(found).record, request);
  const { record } = found ?? (await createSpanning(context, { ...request, ranges: pools.flatMap(({ range }) => range ?? []) }));
  context.cluster.requireStaying(record);
  const joined: EngineNetworkRecord = { id: engineId, networkId: record.id, created: timestamp(context) };
  await store.commit([{ key: engineNetworkKey(engineId), value: joined }]);
  ledger.engineNetworks.set(engineId, joined);
  return record;
}

/** The engine's network is gone; that of the cluster is not, unless it has not come that far. */
export async function partNetwork(context: Context, { id, networkId }: EngineNetworkRecord): Promise<void> {
  const { ledger, store } = context;
  await store.commit([{ key: engineNetworkKey(id) }]);
  ledger.engineNetworks.delete(id);
  const record = ledger.networks.get(networkId)?.record;
  if (record?.cluster !== 'untold') return;
  const pools = ledger.poolsOfNetwork(record);
  await removeNetwork(context, networkId);
  for (const { networkId: _gone, ...pool } of pools) {
    await store.commit([{ key: poolKey(pool.id), value: pool }]);
    restoreEnginePool(context, pool);
  }
}

/** Makes a network of the cluster here; pools that an engine has settled for it become its own. @throws as {@link createNetwork} */
export async function createSpanning(context: Context, request: NetworkRequest, prepared?: KnownNetwork): Promise<LiveNetwork> {
  const { ledger, addresses, store } = context;
  const settled = [...ledger.pools.values()].filter(({ network, networkId, subnet }) => network === request.name && networkId === undefined && request.subnets?.includes(subnet) === true);
  for (const { subnet } of settled) {
    const pool = addresses.pool(parseCidr(subnet));
    if (pool !== undefined) addresses.releasePool(pool);
  }
  const live = await createNetwork(context, request, undefined, prepared).catch((error: unknown) => {
    for (const pool of settled) restoreEnginePool(context, pool);
    throw error;
  });
  for (const pool of settled) {
    const record: PoolRecord = { ...pool, networkId: live.record.id, addresses: {} };
    await store.commit([{ key: poolKey(record.id), value: record }]);
    ledger.pools.set(record.id, record);
  }
  return live;
}

/** The pools that the engine asked for, with the network's name. @throws {NetworkError} INVALID where it asked elsewhere */
function poolsOf({ ledger }: Context, { name, subnets = [] }: NetworkRequest): PoolRecord[] {
  return subnets.map((subnet) => {
    const pool = ledger.pools.get(enginePoolId(subnet, name));
    if (pool !== undefined) return pool;
    const other = [...ledger.pools.values()].find((one) => one.subnet === subnet)?.network;
    if (other !== undefined) throw new NetworkError('INVALID', `-o tsoverlay.network=${name} and --ipam-opt network=${other} do not agree: give both the same name`);
    throw new NetworkError('INVALID', `addresses of ${subnet} are given by this host alone: add --ipam-driver tsipam --ipam-opt network=${name}, so that no other host gives them too`);
  });
}

function requireSpanning(live: LiveNetwork): LiveNetwork {
  const { name, driver, cluster } = live.record;
  if (cluster !== undefined) return live;
  throw new NetworkError('EXISTS', `network ${quote(name)} is a ${driver} network of this host alone: choose another name for that of the cluster, or remove it first`);
}

function agreedSubnet(record: NetworkRecord, { family, subnet, range }: EnginePoolRequest): SubnetRecord {
  const name = quote(record.name);
  const subnets = family === 4 ? record.ipv4 : record.ipv6;
  const list = subnets.map((one) => one.subnet).join(', ');
  if (list === '') throw new NetworkError('INVALID', `network ${name} of the cluster has no IPv${String(family)} subnet: leave ${family === 6 ? '--ipv6' : 'IPv4'} out`);
  // Engines look whether the host reaches a subnet already that nobody named, and ask for ever for another one.
  if (subnet === undefined && family === 4) throw new NetworkError('INVALID', `network ${name} of the cluster is there already, and engines take what their host reaches already by name only: add --subnet ${list}`);
  const wanted = subnet === undefined ? undefined : formatCidr(cidrFromUser(subnet));
  const found = subnets.find((one) => wanted === undefined || one.subnet === wanted);
  if (found === undefined) throw new NetworkError('INVALID', `subnet ${subnet ?? ''} is not that of network ${name} of the cluster, which has ${list}: use that on every host`);
  if (range !== undefined && formatCidr(cidrFromUser(range)) !== found.range) throw new NetworkError('INVALID', `--ip-range ${range} is not that of network ${name} of the cluster, which has ${found.range ?? 'none'}: leave it out`);
  return found;
}

function requireGateway({ name }: NetworkRecord, gateway: string | undefined, wanted: string | undefined): void {
  if (wanted === undefined || canonicalAddress(wanted) === gateway) return;
  throw new NetworkError('INVALID', `gateway ${wanted} is not that of network ${quote(name)} of the cluster, which has ${gateway ?? 'none'} on every host: leave --gateway out`);
}

/** @throws {NetworkError} INVALID naming what the engine wants otherwise than all hosts have it */
function requireAgreement(record: NetworkRecord, { subnets = [], gateways = [], internal, options = {} }: NetworkRequest): void {
  const name = quote(record.name);
  const all = [...record.ipv4, ...record.ipv6];
  const theirs = all.map(({ subnet }) => subnet);
  const strange = subnets.find((subnet) => !theirs.includes(subnet));
  if (strange !== undefined) throw new NetworkError('INVALID', `network ${name} was made on another host meanwhile, with ${theirs.join(', ')} instead of ${strange}: use that on every host`);
  // The engine was given one before the network was known here.
  const former = gateways.find((gateway) => all.every((one) => one.gateway !== canonicalAddress(gateway)));
  if (former !== undefined) throw new NetworkError('INVALID', `network ${name} was made on another host meanwhile, with gateway ${all.flatMap(({ gateway = [] }) => gateway).join(', ')} instead of ${former}: try again`);
  if (internal === true && !record.internal) throw new NetworkError('INVALID', `network ${name} of the cluster leads out, on every host: leave --internal out`);
  for (const [key, value] of Object.entries(options)) {
    const known = record.options[key] ?? record.settled[SETTLED[key] ?? ''];
    if (known !== value) throw new NetworkError('INVALID', `option ${key}=${value}: network ${name} of the cluster ${known === undefined ? 'was made without it' : `has ${known}`}, on every host: leave it out`);
  }
}
