/** Endpoints of an engine's containers: the engine makes, joins, leaves and deletes them one call at a time, and may call twice. */
import { spanningMac } from '../cluster/spanning-mac.ts';
import { NetworkError } from '../common/error.ts';
import { randomMac, stableMac } from '../common/mac.ts';
import { HOST } from '../kernel/op.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { PortBinding } from '../ports/spec.ts';
import { timestamp, type Context } from './context.ts';
import { departed, departures } from './departures.ts';
import { endpointEvent, endpointKey, macAddress, requireRoom } from './endpoints.ts';
import { containerAt, releaseEngineAddress } from './engine-pools.ts';
import { endpointTarget, forgetFlows, reservePorts } from './publishing.ts';
import type { LiveNetwork } from './ledger.ts';
import type { EndpointRecord } from './records.ts';
import { plainAddresses } from './services.ts';
import { endpointChange, removal } from './wanted.ts';
import { endpointWayOut, portsInForce } from './way-out.ts';

/** What the engine says about a new endpoint. */
export interface EngineEndpointRequest {
  readonly id: string;
  readonly networkId: string;
  /** CIDR */
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Writes an endpoint down; links come with {@link joinEngineEndpoint}. One whose address is still held by an
 * endpoint that no container has takes over from it: an engine that was killed never says good-bye.
 * @throws {NetworkError} NOT_FOUND (network), INVALID (options), EXISTS (address of a living endpoint)
 */
export async function createEngineEndpoint(context: Context, request: EngineEndpointRequest): Promise<EndpointRecord> {
  const { ledger } = context;
  const again = ledger.endpoints.get(request.id);
  if (again !== undefined) return again;
  const network = ledger.network(ledger.networkIdOf(request.networkId));
  context.cluster.requireStaying(network.record);
  context.cluster.requireFreeMac(network.record, request.mac);
  network.driver.checkEndpointOptions(request.options);
  const mac = macAddress(network, request.mac, () => macOf(context, network, request));
  await displaceDead(context, network, request);
  requireRoom(context, network);
  const endpoint: EndpointRecord = {
    id: request.id,
    name: containerAt(context, network.record, request.ipv4 ?? request.ipv6 ?? '') ?? request.id.slice(0, 12),
    networkId: network.record.id,
    ...(network.record.id === request.networkId ? {} : { engineNetwork: request.networkId }),
    created: timestamp(context),
    mac,
    ...(request.ipv4 === undefined ? {} : { ipv4: request.ipv4 }),
    ...(request.ipv6 === undefined ? {} : { ipv6: request.ipv6 }),
    ...(network.record.dhcp === undefined ? {} : { dhcp: {} }),
    aliases: [],
    options: request.options,
    gatewayPriority: 0,
    ports: [],
  };
  await save(context, endpoint);
  return endpoint;
}

/**
 * Makes the endpoint's link; it, or the far end of the pair, waits in the host's namespace for the engine.
 * @returns the endpoint; its attachment names what the engine is to take
 */
export async function joinEngineEndpoint(context: Context, id: string, namespace: string): Promise<EndpointRecord> {
  const endpoint = context.ledger.endpoint(id);
  const joined: EndpointRecord = { ...endpoint, attachment: { namespace, interface: farEndName(id), handedOver: true } };
  await save(context, joined);
  // Whatever an earlier try left is replaced: the engine looks for the far end in the host's namespace.
  if (context.applier.applied(id).links.length > 0) {
    await context.applier.transition([removal(id)], { onFailure: 'forward' });
    // The far end, which has the name that is wanted again, goes with the near one.
    await context.reaper.flush();
  }
  try {
    await context.applier.transition([endpointChange(context.ledger, joined)], { onFailure: 'back' });
  } catch (error) {
    await save(context, endpoint);
    throw error;
  }
  context.events.emit(endpointEvent(context, 'connect', joined));
  return joined;
}

/**
 * Publishes ports at an endpoint, in place of those it had.
 * @throws {NetworkError} IN_USE, EXHAUSTED, UNSUPPORTED
 */
export async function programPorts(context: Context, id: string, bindings: readonly PortBinding[]): Promise<readonly ReservedPort[]> {
  const endpoint = context.ledger.endpoint(id);
  const way = endpointWayOut(context.ledger, endpoint);
  const ports = await reservePorts(context, bindings, { owner: endpoint, way, target: endpointTarget(context, id), former: endpoint.ports });
  const published: EndpointRecord = { ...endpoint, ports };
  await save(context, published);
  await context.applier.transition([endpointChange(context.ledger, published)], { after: forgetFlows(ports, [published]), onFailure: 'back' });
  for (const port of portsInForce(ports, way)) {
    context.events.emit({ type: 'port', action: 'publish', id, name: endpoint.name, attributes: { host: String(port.hostPort), container: `${port.containerPort}/${port.protocol}` } });
  }
  return ports;
}

/** Takes the ports of an endpoint back; nothing to do for one that is unknown or has none. */
export async function revokePorts(context: Context, id: string): Promise<void> {
  const endpoint = context.ledger.endpoints.get(id);
  if (endpoint === undefined || endpoint.ports.length === 0) return;
  const silent: EndpointRecord = { ...endpoint, ports: [] };
  await save(context, silent);
  context.hostPorts.release(id);
  await context.applier.transition([endpointChange(context.ledger, silent)], { after: forgetFlows(endpoint.ports, [endpoint]), onFailure: 'forward' });
  context.staleFlows.unpublished(endpoint);
}

/** The sandbox lets go of the endpoint. Its link stays until it is deleted: the engine is about to move it. */
export async function leaveEngineEndpoint(context: Context, id: string): Promise<void> {
  await revokePorts(context, id);
  const endpoint = context.ledger.endpoints.get(id);
  if (endpoint === undefined) return;
  const handedBack = handedOver(context, endpoint);
  if (handedBack === endpoint) return;
  await save(context, handedBack);
  await context.applier.transition([endpointChange(context.ledger, handedBack)], { onFailure: 'forward' });
}

/** Forgets an endpoint and removes its link; nothing to do for an unknown one. */
export async function deleteEngineEndpoint(context: Context, id: string): Promise<void> {
  const { ledger, store, hostPorts, applier } = context;
  const endpoint = ledger.endpoints.get(id);
  if (endpoint === undefined) return;
  const event = endpointEvent(context, 'disconnect', endpoint);
  const notes = departures(context, [endpoint]);
  await store.commit([{ key: endpointKey(id) }, ...notes]);
  await context.dhcp.release([endpoint]);
  ledger.removeEndpoint(id);
  hostPorts.release(id);
  const handedBack = handedOver(context, endpoint);
  if (handedBack !== endpoint) await applier.transition([endpointChange(ledger, handedBack)], { onFailure: 'forward' });
  await applier.transition([removal(id)], { after: forgetFlows(endpoint.ports, [endpoint]), onFailure: 'forward' });
  context.staleFlows.left(endpoint);
  departed(context, notes);
  context.events.emit(event);
}

/** Forgets an endpoint whose container is gone, and frees the addresses that its engine is not going to free. */
export async function forgetDead(context: Context, endpoint: EndpointRecord): Promise<void> {
  const network = context.ledger.network(endpoint.networkId).record;
  await deleteEngineEndpoint(context, endpoint.id);
  for (const { id } of context.ledger.poolsOfNetwork(network)) {
    for (const address of plainAddresses(endpoint)) await releaseEngineAddress(context, id, address);
  }
}

/** Whether an engine's endpoint is gone for good: it had joined, and neither its namespace nor its link is there. */
export async function isDead(context: Context, endpoint: EndpointRecord): Promise<boolean> {
  const { attachment } = endpoint;
  if (attachment === undefined || endpoint.sandboxId !== undefined) return false;
  if ((await context.kernel.namespaceIdentity(attachment.namespace)) !== undefined) return false;
  const [host] = await context.kernel.snapshot([HOST]);
  const labels = new Set(context.applier.applied(endpoint.id).links.flatMap(({ label }) => label ?? []));
  return host?.links.every(({ alias }) => !labels.has(alias ?? '')) === true;
}

/**
 * Whether no container has an engine's endpoint, though its link may be there: it is dead, or its namespace is gone and
 * its link back in the host's, where the engine found it. An engine that tidies up as it starts does not know its drivers
 * yet, and tells them nothing. So it is before a container's namespace is made, too: not to be asked of a new endpoint.
 */
export async function isLeft(context: Context, endpoint: EndpointRecord): Promise<boolean> {
  const { attachment } = endpoint;
  if (attachment === undefined || endpoint.sandboxId !== undefined) return false;
  if (await isDead(context, endpoint)) return true;
  if ((await context.kernel.namespaceIdentity(attachment.namespace)) !== undefined) return false;
  const [host] = await context.kernel.snapshot([HOST]);
  return host?.links.some(({ name }) => name === farEndName(endpoint.id)) === true;
}

/** Name of what waits for the engine: the far end of an endpoint's veth pair, or its only end. */
function farEndName(endpointId: string): string {
  return `ns${endpointId.slice(0, 12)}`;
}

/**
 * An endpoint that we had to make again and configured ourselves, as the engine treats it in the end: it takes
 * the far end away to wherever it likes. A link that is no pair is looked for when it is removed.
 */
function handedOver({ applier }: Context, endpoint: EndpointRecord): EndpointRecord {
  const { attachment } = endpoint;
  if (attachment === undefined || attachment.handedOver || applier.applied(endpoint.id).links.every(({ peer }) => peer === undefined)) return endpoint;
  return { ...endpoint, attachment: { namespace: attachment.namespace, interface: farEndName(endpoint.id), handedOver: true } };
}

/**
 * Whoever has an address of a network has the same MAC address there: engines before 28 announce
 * no newcomer, and neighbours would go on sending to the MAC address of the one before for a minute.
 */
function macOf(context: Context, { record }: LiveNetwork, { networkId, ipv4, ipv6 }: EngineEndpointRequest): string {
  if (record.cluster !== undefined) return spanningMac(record.id, { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) });
  const address = ipv4 ?? ipv6;
  return address === undefined ? randomMac(context.random) : stableMac(`endpoint ${networkId} ${address}`);
}

async function displaceDead(context: Context, { record }: LiveNetwork, request: EngineEndpointRequest): Promise<void> {
  for (const other of context.ledger.endpointsOfNetwork(record.id)) {
    const shared = [other.ipv4, other.ipv6].find((address) => address !== undefined && (address === request.ipv4 || address === request.ipv6));
    if (shared === undefined) continue;
    if (!(await isLeft(context, other)) && other.attachment !== undefined) {
      throw new NetworkError('EXISTS', `address ${shared} is taken by endpoint ${other.id.slice(0, 12)}, which is alive: choose another address`);
    }
    await deleteEngineEndpoint(context, other.id);
  }
}

async function save(context: Context, endpoint: EndpointRecord): Promise<void> {
  await context.store.commit([{ key: endpointKey(endpoint.id), value: endpoint }]);
  context.ledger.putEndpoint(endpoint);
}
