/** Attaching sandboxes to networks and taking them off again. */
import { spanningMac } from '../cluster/spanning-mac.ts';
import { canonicalAddress, familyOf, formatAddress, parseAddress, type Family } from '../common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { macFromUser, randomMac } from '../common/mac.ts';
import { quote } from '../common/quote.ts';
import type { Pool } from '../ipam/pool.ts';
import type { Change as StoreChange } from '../store/store.ts';
import { checkAlias, checkLinks } from './check-names.ts';
import { newId, timestamp, type Context } from './context.ts';
import { departed, departures } from './departures.ts';
import { bidFarewell, endpointFarewells, farewellChanges } from './farewells.ts';
import type { LiveNetwork } from './ledger.ts';
import { claimPorts, followPorts, forgetFlows, wayOut } from './publishing.ts';
import { sandboxKey, type DhcpRecord, type EndpointRecord, type NetworkRecord, type SandboxRecord } from './records.ts';
import type { ConnectRequest } from './requests.ts';
import { removal, sandboxChanges } from './wanted.ts';

/** Where an endpoint is written down. */
export function endpointKey(id: string): string {
  return `endpoint/${id}`;
}

/**
 * Attaches a sandbox to a network.
 * @throws {NetworkError} NOT_FOUND, EXISTS (connected already, address taken), INVALID, EXHAUSTED, FORBIDDEN, UNAVAILABLE (its namespace is gone), KERNEL; nothing is changed then
 */
export async function connect(context: Context, sandbox: SandboxRecord, request: ConnectRequest, signal?: AbortSignal): Promise<EndpointRecord> {
  const { ledger, store, applier } = context;
  requireNamespace(context, sandbox);
  const used = await interfaceNames(context, sandbox);
  const wayBefore = wayOut(context, sandbox.id);
  const endpoint = draftEndpoint(context, sandbox, request, used);
  let published = sandbox;
  let moved = false;
  let written = false;
  try {
    ledger.putEndpoint(endpoint);
    moved = wayOut(context, sandbox.id) !== wayBefore;
    if (moved) published = await claimPorts(context, sandbox);
    const sandboxChange = published === sandbox ? [] : [{ key: sandboxKey(sandbox.id), value: published }];
    await store.commit([{ key: endpointKey(endpoint.id), value: endpoint, expected: 0 }, ...sandboxChange]);
    written = true;
    ledger.sandboxes.set(sandbox.id, published);
    const after = moved ? forgetFlows(published.ports, ledger.endpointsOfSandbox(sandbox.id)) : [];
    await applier.transition(sandboxChanges(ledger, sandbox.id), { after, onFailure: 'back', signal });
  } catch (error) {
    forgetEndpoint(context, endpoint);
    ledger.sandboxes.set(sandbox.id, sandbox);
    if (written) await store.commit([{ key: endpointKey(endpoint.id) }, { key: sandboxKey(sandbox.id), value: sandbox }]);
    if (moved) await followPorts(context, sandbox);
    throw error;
  }
  if (moved) for (const other of ledger.endpointsOfSandbox(sandbox.id)) if (other.id !== endpoint.id) context.staleFlows.unpublished(other);
  context.events.emit(endpointEvent(context, 'connect', endpoint));
  return endpoint;
}

/**
 * Takes a sandbox off a network.
 * @throws {NetworkError} NOT_FOUND when it is not connected
 */
export async function disconnect(context: Context, sandbox: SandboxRecord, network: LiveNetwork): Promise<void> {
  const { ledger, store, applier } = context;
  const endpoint = ledger.endpointsOfSandbox(sandbox.id).find(({ networkId }) => networkId === network.record.id);
  if (endpoint === undefined) throw new NetworkError('NOT_FOUND', `sandbox ${quote(sandbox.name)} is not connected to network ${quote(network.record.name)}`);
  const event = endpointEvent(context, 'disconnect', endpoint);
  const wayBefore = wayOut(context, sandbox.id);
  const flows = forgetFlows(sandbox.ports, ledger.endpointsOfSandbox(sandbox.id));
  const notes = departures(context, [endpoint]);
  const farewells = endpointFarewells(ledger, [endpoint]);
  await store.commit([{ key: endpointKey(endpoint.id) }, ...notes, ...farewellChanges(farewells)]);
  bidFarewell(context, farewells);
  await context.dhcp.release([endpoint]);
  forgetEndpoint(context, endpoint);
  const moved = wayOut(context, sandbox.id) !== wayBefore;
  if (moved) await followPorts(context, sandbox);
  await applier.transition([removal(endpoint.id), ...sandboxChanges(ledger, sandbox.id)], { after: moved ? flows : [], onFailure: 'forward' });
  context.staleFlows.left(endpoint);
  departed(context, notes);
  context.events.emit(event);
}

/**
 * An endpoint with its addresses taken, not yet written down anywhere.
 * @param used names of interfaces that the sandbox has; the new one is added
 */
export function draftEndpoint(context: Context, sandbox: SandboxRecord, request: ConnectRequest, used: Set<string>): EndpointRecord {
  const { ledger } = context;
  const network = ledger.network(request.network);
  const { record, driver } = network;
  if (ledger.endpointsOfSandbox(sandbox.id).some(({ networkId }) => networkId === record.id)) {
    throw new NetworkError('EXISTS', `sandbox ${quote(sandbox.name)} is connected to network ${quote(record.name)} already`);
  }
  if (record.owner === 'engine' && [...record.ipv4, ...record.ipv6].some(({ poolId }) => poolId === undefined)) {
    throw new NetworkError('FORBIDDEN', `network ${quote(record.name)} belongs to the engine, which gives its addresses: create it with --ipam-driver tsipam to connect sandboxes to it`);
  }
  if (record.ipv4.some(({ poolId = '' }) => ledger.pools.get(poolId)?.parent !== undefined)) {
    throw new NetworkError('FORBIDDEN', `network ${quote(record.name)} leases the addresses of the engine's containers: make one for sandboxes on the same parent, 'netctl network create -d macvlan --ipam dhcp -o parent=LINK NAME'`);
  }
  if (record.remote !== undefined && record.remote !== 'told') throw new NetworkError('UNAVAILABLE', `network ${quote(record.name)} is not known to its plugin ${quote(record.driver)} yet: 'netctl doctor' says why`);
  context.cluster.requireStaying(record);
  context.cluster.requireFreeMac(record, request.mac);
  const options = request.options ?? {};
  driver.checkEndpointOptions(options);
  for (const alias of request.aliases ?? []) checkAlias(alias);
  checkLinks(sandbox, request.links ?? []);
  requireRoom(context, network);
  const given = macAddress(network, request.mac, () => (record.cluster === undefined ? randomMac(context.random) : ''));
  const name = interfaceName(options, driver.interfacePrefix, used);
  const addresses = addressesOf(context, network, request, sandbox);
  // Whoever has the address next, on whatever host, is known by the same MAC: no neighbour has to unlearn anything.
  const mac = record.cluster === undefined ? given : given || spanningMac(record.id, addresses);
  used.add(name);
  return {
    id: newId(context),
    name: sandbox.name,
    networkId: record.id,
    sandboxId: sandbox.id,
    created: timestamp(context),
    mac,
    ...addresses,
    ...(record.remote === undefined ? {} : { remote: {} }),
    aliases: request.aliases ?? [],
    ...(request.links === undefined ? {} : { links: request.links }),
    options,
    gatewayPriority: request.gatewayPriority ?? 0,
    attachment: { namespace: sandbox.namespace, interface: name, handedOver: false },
    ports: [],
  };
}

/**
 * The MAC address of a new endpoint; empty where it has that of its parent.
 * @throws {NetworkError} INVALID for one that cannot be given
 */
export function macAddress({ record, driver }: LiveNetwork, wanted: string | undefined, make: () => string): string {
  if (wanted === undefined) return driver.macs === 'own' ? make() : '';
  if (driver.macs === 'shared') throw new NetworkError('INVALID', `MAC address ${quote(wanted)} cannot be given: ${record.driver} endpoints have that of their parent`);
  return macFromUser(wanted);
}

/** @throws {NetworkError} IN_USE when the network has as many endpoints as it can have */
export function requireRoom({ ledger }: Context, { record, driver }: LiveNetwork): void {
  const endpoints = ledger.endpointsOfNetwork(record.id);
  if (driver.mostEndpoints === undefined || endpoints.length < driver.mostEndpoints) return;
  throw new NetworkError('IN_USE', `network ${quote(record.name)} has its endpoint already (${endpoints.map(({ name }) => name).join(', ')}): its parent takes no other`);
}

/** Addresses of a new endpoint, or what somebody else is to be asked for. */
function addressesOf(context: Context, network: LiveNetwork, request: ConnectRequest, { name }: SandboxRecord): Pick<EndpointRecord, 'ipv4' | 'ipv6' | 'dhcp' | 'grant'> {
  const { record } = network;
  if (record.dhcp !== undefined) return { dhcp: wishOf(request, record) };
  if (record.ipam === undefined) return takeAddresses(context, network, request, `sandbox ${quote(name)}`);
  const { ipv4, ipv6 } = request;
  for (const [family, wanted, subnets] of [[4, ipv4, record.ipv4], [6, ipv6, record.ipv6]] as const) {
    if (wanted === undefined) continue;
    const address = parseAddress(wanted);
    const inside = address.family === family && subnets.some(({ subnet }) => contains(parseCidr(subnet), address));
    if (!inside) throw new NetworkError('INVALID', `address ${quote(wanted)} is in no IPv${family} subnet of network ${quote(record.name)} (it has ${subnets.map(({ subnet }) => subnet).join(', ') || `no IPv${family} subnet`})`);
  }
  return { grant: { ...(ipv4 === undefined ? {} : { ipv4: canonicalAddress(ipv4) }), ...(ipv6 === undefined ? {} : { ipv6: canonicalAddress(ipv6) }) } };
}

/** The address that a server is to be asked for. @throws {NetworkError} INVALID for one that it cannot be asked for */
function wishOf({ ipv4, ipv6 }: ConnectRequest, { name, dhcp = [] }: NetworkRecord): DhcpRecord {
  if (ipv6 !== undefined) throw new NetworkError('INVALID', `address ${quote(ipv6)} cannot be asked for: routers and DHCPv6 servers of network ${quote(name)} give what they like`);
  if (ipv4 === undefined) return {};
  const wanted = canonicalAddress(ipv4);
  if (familyOf(wanted) !== 4 || !dhcp.includes(4)) throw new NetworkError('INVALID', `address ${quote(ipv4)} cannot be asked for: network ${quote(name)} gives ${dhcp.map((family) => `IPv${family}`).join(' and ')} addresses`);
  return { wanted };
}

/** Drops an endpoint from memory and frees its addresses. */
export function forgetEndpoint(context: Context, endpoint: EndpointRecord): void {
  context.ledger.removeEndpoint(endpoint.id);
  if (endpoint.sandboxId === undefined || !hasOurAddresses(endpoint)) return;
  for (const text of [endpoint.ipv4, endpoint.ipv6]) releaseAddress(context, text);
}

/** Those that the LAN or a Docker plugin gave may be the same as some of ours. */
function hasOurAddresses({ dhcp, grant }: EndpointRecord): boolean {
  return dhcp === undefined && grant === undefined;
}

/** Takes an endpoint's addresses again after a restart. */
export function restoreAddresses(context: Context, endpoint: EndpointRecord): void {
  if (!hasOurAddresses(endpoint)) return;
  for (const text of [endpoint.ipv4, endpoint.ipv6]) {
    if (text === undefined) continue;
    const { address } = parseInterfaceAddress(text);
    const pool = context.addresses.poolOf(address);
    if (pool?.ownerOf(address) === undefined) pool?.requestAddress({ address, owner: endpoint.name });
  }
}

/** Frees an address in CIDR form. */
function releaseAddress(context: Context, text: string | undefined): void {
  if (text === undefined) return;
  const { address } = parseInterfaceAddress(text);
  context.addresses.poolOf(address)?.releaseAddress(address);
}

/** Refuses a sandbox whose name is somebody else's now. @throws {NetworkError} UNAVAILABLE */
export function requireNamespace({ ledger }: Context, { id, name }: SandboxRecord): void {
  const displaced = ledger.displaced.get(id);
  if (displaced !== undefined) throw new NetworkError('UNAVAILABLE', `sandbox ${quote(name)} has no namespace: ${displaced}; 'netctl doctor' says what can be done`);
}

/** Names of the interfaces in a sandbox; an adopted one may have some that we did not make. */
export async function interfaceNames(context: Context, sandbox: SandboxRecord): Promise<Set<string>> {
  const { ledger } = context;
  const plugged = ledger.cablesOfSandbox(sandbox.id).flatMap(({ record }) => record.ends.filter((end) => 'sandboxId' in end && end.sandboxId === sandbox.id));
  const known = [
    ...ledger.endpointsOfSandbox(sandbox.id).flatMap(({ attachment }) => (attachment === undefined ? [] : [attachment.interface])),
    ...plugged.map((end) => end.interface),
  ];
  if (sandbox.kind === 'named') return new Set(known);
  const [snapshot] = await context.kernel.snapshot([sandbox.namespace]);
  return new Set([...known, ...(snapshot?.links.map(({ name }) => name) ?? [])]);
}

/** Store changes that forget endpoints. */
export function endpointDeletions(endpoints: readonly EndpointRecord[]): StoreChange[] {
  return endpoints.map(({ id }) => ({ key: endpointKey(id) }));
}

/** The event of an endpoint. */
export function endpointEvent(context: Context, action: string, endpoint: EndpointRecord): Parameters<Context['events']['emit']>[0] {
  const network = context.ledger.networks.get(endpoint.networkId)?.record.name ?? '';
  return { type: 'endpoint', action, id: endpoint.id, name: endpoint.name, attributes: { network, ipv4: endpoint.ipv4 ?? '', ipv6: endpoint.ipv6 ?? '', mac: endpoint.mac } };
}

function takeAddresses(context: Context, network: LiveNetwork, request: ConnectRequest, owner: string): { ipv4?: string; ipv6?: string } {
  const ipv4 = takeAddress(context, 4, network, request.ipv4, owner);
  try {
    const ipv6 = takeAddress(context, 6, network, request.ipv6, owner);
    return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
  } catch (error) {
    releaseAddress(context, ipv4);
    throw error;
  }
}

function takeAddress(context: Context, family: Family, { record }: LiveNetwork, wanted: string | undefined, owner: string): string | undefined {
  const subnets = family === 4 ? record.ipv4 : record.ipv6;
  const pools = subnets.map(({ subnet }) => context.addresses.pool(parseCidr(subnet))).filter((pool): pool is Pool => pool !== undefined);
  if (wanted === undefined) {
    // The next subnet when one is full, as in Docker.
    const pool = pools.find(({ counts }) => counts.automatic > 0n) ?? pools[0];
    return pool?.withPrefix(pool.requestAddress({ owner }));
  }
  const address = parseAddress(canonicalAddress(wanted));
  const pool = pools.find((candidate) => candidate.subnet.family === address.family && context.addresses.poolOf(address) === candidate);
  if (pool === undefined || address.family !== family) {
    const list = subnets.map(({ subnet }) => subnet).join(', ') || `no IPv${family} subnet`;
    throw new NetworkError('INVALID', `address ${quote(wanted)} is in no IPv${family} subnet of network ${quote(record.name)} (it has ${list})`);
  }
  if (record.cluster !== undefined) context.cluster.requireOurs(record.id, formatAddress(address));
  return pool.withPrefix(pool.requestAddress({ address, owner }));
}

function interfaceName(options: Readonly<Record<string, string>>, prefix: string, used: ReadonlySet<string>): string {
  const wanted = options['com.docker.network.endpoint.ifname'];
  if (wanted !== undefined) {
    if (used.has(wanted)) throw new NetworkError('EXISTS', `the sandbox has an interface ${quote(wanted)} already: choose another com.docker.network.endpoint.ifname`);
    return wanted;
  }
  return nextInterface(prefix, used);
}

/** The first of `eth0`, `eth1` … that is not used. */
export function nextInterface(prefix: string, used: ReadonlySet<string>): string {
  for (let number = 0; ; number += 1) {
    if (!used.has(`${prefix}${number}`)) return `${prefix}${number}`;
  }
}
