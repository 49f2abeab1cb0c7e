/** What callers see of networks, sandboxes and endpoints: complete, plain, and safe to print as JSON. */
import type { Ledger, LiveNetwork } from './ledger.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './records.ts';
import { plainAddresses } from './services.ts';
import { isServed, RESOLVER } from './sandbox-files.ts';
import { linkEnvironment } from './sandbox-links.ts';
import { gatewayFamilies } from './wanted.ts';
import { endpointWayOut, portsInForce, sandboxWayOut } from './way-out.ts';

/** An endpoint, with the names of what it joins. */
export interface EndpointView {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly networkId: string;
  /** Name of the sandbox; null for an engine's container. */
  readonly sandbox: string | null;
  readonly interface: string | null;
  readonly mac: string;
  /** CIDR */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly aliases: readonly string[];
  /** Good in this network alone; those of the sandbox are good in all. */
  readonly links: readonly string[];
  /** Families whose default route goes here: 4, 6. */
  readonly gatewayFor: readonly number[];
  readonly ports: readonly ReservedPort[];
}

/** An endpoint on another host of the cluster. */
export interface RemoteEndpointView {
  readonly id: string;
  /** The first of its names there; null where none is known. */
  readonly name: string | null;
  /** Name of its host. */
  readonly host: string;
  readonly mac: string;
  /** CIDR */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** What an engine calls a network of the cluster. */
export interface EngineNetworkView {
  /** 64 hex digits: the engine's. */
  readonly id: string;
  /** null until it is known. */
  readonly name: string | null;
}

/** A network with its endpoints. */
export interface NetworkView extends NetworkRecord {
  readonly mtu: number;
  readonly endpoints: readonly EndpointView[];
  /** What engines of this host call it, where it is the cluster's and theirs. */
  readonly engineNetworks?: readonly EngineNetworkView[];
  /** Endpoints on other hosts that count; of a network of the cluster that is asked for alone. */
  readonly remoteEndpoints?: readonly RemoteEndpointView[];
}

/** A sandbox with its endpoints. */
export interface SandboxView extends SandboxRecord {
  readonly endpoints: readonly EndpointView[];
  /** Where it asks for names; null for an adopted one that keeps its own resolver. */
  readonly resolver: string | null;
  /** What its links make of the environment of programs in it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One published port, as `netctl port` lists it. */
export interface PortView extends ReservedPort {
  /** Sandbox name, or the id of an engine's endpoint. */
  readonly owner: string;
  readonly network: string | null;
  /** Plain addresses of the endpoint behind it. */
  readonly addresses: readonly string[];
}

/** The view of an endpoint. */
export function endpointView(ledger: Ledger, endpoint: EndpointRecord): EndpointView {
  const { id, name, networkId, sandboxId, attachment, mac, ipv4, ipv6, aliases, links = [], ports } = endpoint;
  return {
    id,
    name,
    network: ledger.network(networkId).record.name,
    networkId,
    sandbox: sandboxId === undefined ? null : ledger.sandbox(sandboxId).name,
    interface: attachment === undefined || attachment.handedOver ? null : attachment.interface,
    mac,
    ipv4: ipv4 ?? null,
    ipv6: ipv6 ?? null,
    aliases,
    links,
    gatewayFor: gatewayFamilies(ledger, endpoint),
    ports: portsInForce(ports, endpointWayOut(ledger, endpoint)),
  };
}

/** The view of a network. */
export function networkView(ledger: Ledger, network: LiveNetwork): NetworkView {
  const endpoints = ledger.endpointsOfNetwork(network.record.id).map((endpoint) => endpointView(ledger, endpoint));
  const engineNetworks = ledger.engineNetworksOf(network.record.id).map(({ id, name = null }) => ({ id, name }));
  return { ...network.record, mtu: network.driver.mtu, endpoints, ...(engineNetworks.length === 0 ? {} : { engineNetworks }) };
}

/** The view of a sandbox. */
export function sandboxView(ledger: Ledger, sandbox: SandboxRecord): SandboxView {
  const ports = portsInForce(sandbox.ports, sandboxWayOut(ledger, sandbox.id));
  return {
    ...sandbox,
    ports,
    endpoints: ledger.endpointsOfSandbox(sandbox.id).map((endpoint) => endpointView(ledger, endpoint)),
    resolver: isServed(sandbox) ? RESOLVER : null,
    environment: linkEnvironment(ledger, sandbox),
  };
}

/** Every published port that leads somewhere. */
export function portViews(ledger: Ledger): PortView[] {
  const ofSandboxes = [...ledger.sandboxes.values()].flatMap((sandbox) => {
    const leading = ledger.endpointsOfSandbox(sandbox.id).filter((endpoint) => gatewayFamilies(ledger, endpoint).length > 0);
    const [first] = leading;
    const network = first === undefined ? null : ledger.network(first.networkId).record.name;
    return portsInForce(sandbox.ports, sandboxWayOut(ledger, sandbox.id)).map((port): PortView => ({ ...port, owner: sandbox.name, network, addresses: leading.flatMap(plainAddresses) }));
  });
  const ofEngines = [...ledger.endpoints.values()]
    .filter(({ sandboxId }) => sandboxId === undefined)
    .flatMap((endpoint) =>
      portsInForce(endpoint.ports, endpointWayOut(ledger, endpoint)).map((port): PortView => ({ ...port, owner: endpoint.id, network: ledger.network(endpoint.networkId).record.name, addresses: plainAddresses(endpoint) })),
    );
  return [...ofSandboxes, ...ofEngines];
}
