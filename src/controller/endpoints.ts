/** Attaching sandboxes to networks and taking them off again. */
import { spanningMac } from '../cluster/spanning-mac.ts';
import { NetworkError } from '../common/error.ts';
import { macFromUser, randomMac } from '../common/mac.ts';
import { quote } from '../common/quote.ts';
import type { Change as StoreChange } from '../store/store.ts';
import { checkAlias, checkLinks } from './check-names.ts';
import { newId, timestamp, type Context } from './context.ts';
import { departed, departures } from './departures.ts';
import { claimAddresses, freeAddresses } from './endpoint-addresses.ts';
import { bidFarewell, endpointFarewells, farewellChanges } from './farewells.ts';
import { freeInterface, interfaceNames } from './interface-names.ts';
import type { LiveNetwork } from './ledger.ts';
import { claimPorts, followPorts, forgetFlows, wayOut } from './publishing.ts';
import { sandboxKey, type EndpointRecord, type SandboxRecord } from './records.ts';
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
  const name = freeInterface(options, driver.interfacePrefix, used);
  const addresses = claimAddresses(context, network, request, `sandbox ${quote(sandbox.name)}`);
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

/** Drops an endpoint from memory and frees its addresses. */
export function forgetEndpoint(context: Context, endpoint: EndpointRecord): void {
  context.ledger.removeEndpoint(endpoint.id);
  if (endpoint.sandboxId !== undefined) freeAddresses(context, endpoint);
}

/** Refuses a sandbox whose name is somebody else's now. @throws {NetworkError} UNAVAILABLE */
export function requireNamespace({ ledger }: Context, { id, name }: SandboxRecord): void {
  const displaced = ledger.displaced.get(id);
  if (displaced !== undefined) throw new NetworkError('UNAVAILABLE', `sandbox ${quote(name)} has no namespace: ${displaced}; 'netctl doctor' says what can be done`);
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
