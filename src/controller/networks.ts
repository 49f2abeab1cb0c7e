/** Making and removing networks. */
import type { Driver } from '../../drivers/driver.ts';
import { remoteDriver } from '../../drivers/remote/remote-driver.ts';
import { settledWords } from '../../drivers/settled-words.ts';
import type { Family } from '../common/address.ts';
import { parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { requireNetworkName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { HOST, type Op } from '../kernel/op.ts';
import { allotBlocks } from './cluster-networks.ts';
import { linkLabel, newId, timestamp, type Context } from './context.ts';
import { dhcpFamilies, dhcpPatience } from './dhcp-request.ts';
import { bidFarewell, farewellChanges, networkFarewell } from './farewells.ts';
import { hostRoutes } from './host-routes.ts';
import { hostView } from './host-view.ts';
import type { LiveNetwork } from './ledger.ts';
import { busyLinks } from './link-users.ts';
import { kindOf } from './plan.ts';
import { refusePredefined } from './predefined-networks.ts';
import { blockRecordKey, farewellKey, loanKey, poolKey, type FarewellRecord, type NetworkRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';
import { forgetBlocks } from './stale-flows.ts';
import { takeSubnets, type TakenSubnets } from './subnets.ts';
import { adjustSurroundings } from './surroundings.ts';
import { adjustTunnels } from './tunnels.ts';
import { networkChange, removal } from './wanted.ts';

/** What is known of a network before it is made, because others have a part in it. */
export interface KnownNetwork {
  readonly id: string;
  /** Undefined where it is one of ours. */
  readonly driver?: Driver | undefined;
  /** Undefined where the addresses are ours. */
  readonly subnets?: TakenSubnets | undefined;
  readonly needsGateway?: (family: Family) => boolean;
  /** What depended on the host, where another host has settled it. */
  readonly settled?: NetworkRecord['settled'];
  /** The caller has the host's surroundings follow behind several of them: to look at other packet filters takes longer than all the rest. */
  readonly isOneOfMany?: boolean;
  /** What the record says about those others. */
  readonly fields: Pick<NetworkRecord, 'remote' | 'ipam' | 'cluster'>;
  /** It is struck out when the network is made. */
  readonly farewell?: FarewellRecord | undefined;
}

/** Where a network is written down. */
export function networkKey(id: string): string {
  return `network/${id}`;
}

/**
 * Makes a network. Asking again for the same id gives the network that is there.
 * @param prepared what is known of it, where Docker plugins or other hosts have a part in it
 * @throws {NetworkError} INVALID, EXISTS (name or bridge taken), IN_USE, FORBIDDEN (subnet), EXHAUSTED, KERNEL
 */
export async function createNetwork(context: Context, request: NetworkRequest, signal?: AbortSignal, prepared?: KnownNetwork): Promise<LiveNetwork> {
  const again = request.id === undefined ? undefined : context.ledger.networks.get(request.id);
  if (again !== undefined) return again;
  requireFreeName(context, request);
  const { record, subnets } = await draftNetwork(context, request, prepared, signal);
  try {
    const network = await establish(context, record, prepared, signal);
    for (const warning of subnets.warnings) context.events.warn(warning);
    context.events.emit({ type: 'network', action: 'create', id: record.id, name: record.name, attributes: { driver: record.driver } });
    return network;
  } catch (error) {
    subnets.undo();
    throw error;
  }
}

/** What a network is to be, with its pools taken. Nothing is written down, or known to anybody else. */
async function draftNetwork(context: Context, request: NetworkRequest, prepared: KnownNetwork | undefined, signal: AbortSignal | undefined): Promise<{ readonly record: NetworkRecord; readonly subnets: TakenSubnets }> {
  const driver = prepared?.driver ?? driverNamed(context, request.driver ?? 'bridge');
  const spansHosts = driver.spansHosts === true && context.cluster.view !== undefined;
  if (spansHosts && prepared === undefined) context.cluster.requireSharing(request.name);
  const [host] = await context.kernel.snapshot([HOST], signal);
  if (host === undefined) throw new NetworkError('INTERNAL', 'the host has no network namespace');

  const id = prepared?.id ?? request.id ?? newId(context);
  const dhcp = dhcpFamilies(request);
  const patience = dhcpPatience(request);
  const view = await hostView(context, host, driver.kindsInQuestion(request.options ?? {}));
  const probe = { id, name: request.name, internal: request.internal ?? false, ipv4: [], ipv6: [], options: request.options ?? {}, ...(dhcp === undefined ? {} : { dhcp }) };
  const { addresses: bridge, parent } = driver.settle(probe, view);
  const parentAddresses = view.links.find(({ name }) => name === parent)?.addresses ?? [];
  const own = hostRoutes(context.store.instanceId, host);
  const routes = spansHosts && prepared === undefined ? { ...own, elsewhere: (context.cluster.view?.reaches ?? []).map((cidr) => parseCidr(cidr)) } : own;
  const subnets = prepared?.subnets ?? takeSubnets(dhcp === undefined ? request : { ...request, ipv4: false, ipv6: false }, {
    space: context.addresses,
    routes,
    bridgeAddresses: settledWords(bridge),
    ...(driver.isOnLan ? { lan: { parentAddresses, ...(prepared?.needsGateway === undefined ? {} : { needsGateway: prepared.needsGateway }) } } : {}),
    poolOf: (subnet) => [...context.ledger.pools.values()].find((pool) => pool.subnet === subnet)?.id,
  });
  try {
    const spec = { ...probe, ipv4: subnets.ipv4, ipv6: subnets.ipv6 };
    const record: NetworkRecord = {
      ...spec,
      driver: driver.name,
      settled: { ...driver.settle(spec, view, (message) => context.events.warn(message)), ...prepared?.settled },
      created: timestamp(context),
      owner: request.owner ?? 'netctl',
      ...(patience === undefined ? {} : { dhcpPatience: patience }),
      ...(spansHosts ? { cluster: 'untold' as const } : {}),
      ...prepared?.fields,
      labels: request.labels ?? {},
      ...(request.publisher === undefined ? {} : { publisher: request.publisher }),
      ...(request.madeBy === undefined ? {} : { madeBy: request.madeBy }),
    };
    return { record, subnets };
  } catch (error) {
    subnets.undo();
    throw error;
  }
}

/** Writes a network down and makes it true; where that fails, nothing of it is left. */
async function establish(context: Context, record: NetworkRecord, prepared: KnownNetwork | undefined, signal: AbortSignal | undefined): Promise<LiveNetwork> {
  const { id, cluster } = record;
  const { ledger, store, applier } = context;
  const network = openNetwork(context, record);
  const struck = prepared?.farewell === undefined ? [] : [{ key: farewellKey(id) }];
  await store.commit([{ key: networkKey(id), value: record, expected: 0 }, ...struck]);
  ledger.networks.set(id, network);
  // From here on only blocks of this host's own are given.
  if (cluster !== undefined) {
    allotBlocks(context.addresses, record, []);
    context.cluster.begin(id);
  }
  try {
    await applier.transition([networkChange(ledger, id)], { after: tryOut(context, network), onFailure: 'back', signal });
    await (prepared?.isOneOfMany === true ? adjustTunnels : adjustSurroundings)(context);
    await context.kernel.apply(strangersFlows(network));
    await context.names.open(id);
    return network;
  } catch (error) {
    ledger.removeNetwork(id);
    await store.commit([{ key: networkKey(id) }]);
    await applier.transition([removal(id)], { onFailure: 'forward' });
    await adjustSurroundings(context);
    throw error;
  }
}

/** @throws {NetworkError} INVALID, FORBIDDEN, EXISTS for a name that a new network cannot have */
export function requireFreeName({ ledger }: Context, request: NetworkRequest): void {
  requireNetworkName(request.name);
  refusePredefined(request);
  const taken = ledger.networkNamed(request.name);
  if (taken !== undefined) throw new NetworkError('EXISTS', `network ${quote(request.name)} exists already (id ${taken.record.id.slice(0, 12)}): choose another name or remove it first`);
}

/** The kernel may refuse a link for reasons that only it knows (a child of another kind in a container, a card that takes none): it is asked now, not at the first endpoint. */
function tryOut({ groups }: Context, { driver }: LiveNetwork): Op[] {
  const { trial } = driver;
  if (trial === undefined) return [];
  const { namespace, name } = trial;
  return [{ op: 'link-add', namespace, name, kind: kindOf(trial), group: groups.live }, { op: 'link-delete', namespace, name }];
}

/**
 * Removes a network. When it returns, nothing of it is left in the kernel.
 * @throws {NetworkError} NOT_FOUND, IN_USE naming the endpoints
 */
export async function removeNetwork(context: Context, reference: string): Promise<void> {
  const { record, driver } = context.ledger.network(reference);
  const endpoints = context.ledger.endpointsOfNetwork(record.id);
  if (endpoints.length > 0) {
    const names = endpoints.slice(0, 5).map(({ name }) => name).join(', ');
    const more = endpoints.length > 5 ? ` and ${endpoints.length - 5} more` : '';
    throw new NetworkError('IN_USE', `network ${quote(record.name)} has active endpoints (${names}${more}): disconnect them first`);
  }
  const farewells = [networkFarewell(record) ?? []].flat();
  const blocks = (context.ledger.blocks.get(record.id) ?? []).map(({ id }) => ({ key: blockRecordKey(id) }));
  const loans = [...context.ledger.loans.values()].filter(({ networkId }) => networkId === record.id);
  // An engine may have asked for its addresses and gone away.
  const pools = [...context.ledger.pools.values()].filter(({ networkId }) => networkId === record.id);
  await context.store.commit([{ key: networkKey(record.id) }, ...farewellChanges(farewells), ...blocks, ...loans.map(({ id }) => ({ key: loanKey(id) })), ...pools.map(({ id }) => ({ key: poolKey(id) }))]);
  for (const { id } of pools) context.ledger.pools.delete(id);
  for (const { id } of loans) context.ledger.loans.delete(id);
  bidFarewell(context, farewells);
  context.ledger.removeNetwork(record.id);
  for (const subnet of [...record.ipv4, ...record.ipv6]) {
    const pool = subnet.poolId === undefined ? context.addresses.pool(parseCidr(subnet.subnet)) : undefined;
    if (pool !== undefined) context.addresses.releasePool(pool);
  }
  await context.reaper.flush();
  await context.staleFlows.flush();
  const foundDown = driver.wanted().links.filter((link) => link.foundDown !== undefined);
  const busy = foundDown.length === 0 ? undefined : busyLinks((await context.kernel.snapshot([HOST]))[0], foundDown);
  await context.applier.transition([removal(record.id)], { ...(busy === undefined ? {} : { busy }), onFailure: 'forward' });
  await adjustSurroundings(context);
  context.events.emit({ type: 'network', action: 'remove', id: record.id, name: record.name });
}

/**
 * Whoever had the host route for him before the network was there, with a partner that pretended to have
 * its addresses, would find his flows established. On a bridge that others use already they are theirs.
 */
function strangersFlows({ driver }: LiveNetwork): Op[] {
  const { links, facts } = driver.wanted();
  if (links.some(({ label }) => label === undefined)) return [];
  const blocks = facts.flatMap((fact) => (fact.kind === 'network' ? fact.families.flatMap(({ subnets }) => subnets) : []));
  return forgetBlocks(blocks, blocks);
}

/** The driver's view of a record. */
export function openNetwork(context: Pick<Context, 'store' | 'drivers'>, record: NetworkRecord): LiveNetwork {
  const label = (endpointId?: string): string => linkLabel(context.store.instanceId, record.id, endpointId);
  return { record, driver: driverOf(context, record).open(record, label, linkLabel(context.store.instanceId, 'shared')) };
}

function driverOf(context: Pick<Context, 'drivers'>, { driver, remote }: NetworkRecord): Driver {
  return remote === undefined ? driverNamed(context, driver) : remoteDriver(driver);
}

function driverNamed(context: Pick<Context, 'drivers'>, name: string): Driver {
  const driver = context.drivers.get(name);
  if (driver !== undefined) return driver;
  throw new NetworkError('NOT_FOUND', `no driver ${quote(name)}: there are ${[...context.drivers.keys()].join(', ')}`);
}
