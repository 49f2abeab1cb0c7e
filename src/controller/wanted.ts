/** From records to how the host is to be. Pure. */
import { NOTHING, type EndpointSpec, type PublishedPort, type WantedState } from '../../drivers/driver.ts';
import { familyOf, type Family } from '../common/address.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { Change } from './applier.ts';
import { cableChange } from './cable-state.ts';
import { gatewayEndpoint } from './gateway.ts';
import { learnedBefore, learnedOf, withinOwnLan } from './learned.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** An endpoint as its driver sees it. */
function endpointSpec(ledger: Ledger, endpoint: EndpointRecord): EndpointSpec {
  const { id, mac, ipv4, ipv6, options, sandboxId } = endpoint;
  const attachment = sandboxId !== undefined && ledger.displaced.has(sandboxId) ? undefined : endpoint.attachment;
  const gatewayFor = gatewayFamilies(ledger, endpoint);
  const learned = withinOwnLan(learnedOf(endpoint, gatewayFor) ?? learnedBefore(ledger, endpoint, gatewayFor), ledger, endpoint);
  const joined = ledger.unjoined.has(id) ? undefined : endpoint.remote?.joined;
  // An engine says itself at which endpoint ports are programmed.
  const ports =
    sandboxId === undefined ? publish(ledger, endpoint, endpoint.ports, FAMILIES) : publish(ledger, endpoint, ledger.sandbox(sandboxId).ports, gatewayFor);
  return {
    id,
    mac,
    options,
    succeeds: ledger.succeedsAnother(endpoint),
    gatewayFor,
    ports,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(attachment === undefined ? {} : { attachment }),
    ...(learned === undefined ? {} : { learned }),
    ...(joined === undefined ? {} : { joined }),
  };
}

/** Families whose default route goes through an endpoint. */
export function gatewayFamilies(ledger: Ledger, { id, sandboxId, attachment }: EndpointRecord): readonly Family[] {
  if (sandboxId === undefined) return attachment?.leads ?? [];
  return FAMILIES.filter((family) => gatewayEndpoint(ledger, sandboxId, family)?.id === id);
}

/** How the host is to be for one endpoint. */
export function endpointChange(ledger: Ledger, endpoint: EndpointRecord): Change {
  return { id: endpoint.id, wanted: ledger.network(endpoint.networkId).driver.endpoint(endpointSpec(ledger, endpoint)) };
}

/** The changes of all endpoints of a sandbox: one more or less may move the gateway. */
export function sandboxChanges(ledger: Ledger, sandboxId: string): Change[] {
  return ledger.endpointsOfSandbox(sandboxId).map((endpoint) => endpointChange(ledger, endpoint));
}

/** How the host is to be for one network, without its endpoints. */
export function networkChange(ledger: Ledger, networkId: string): Change {
  return { id: networkId, wanted: ledger.network(networkId).driver.wanted(ledger.remotes.reach(networkId)) };
}

/** How the host is to be, for everything there is. */
export function allChanges(ledger: Ledger): Change[] {
  return [
    ...[...ledger.networks.keys()].map((id) => networkChange(ledger, id)),
    ...[...ledger.endpoints.values()].map((endpoint) => endpointChange(ledger, endpoint)),
    ...[...ledger.cables.values()].map((cable) => cableChange(ledger, cable)),
  ];
}

/** The change that takes an object away. */
export function removal(id: string): { readonly id: string; readonly wanted: WantedState } {
  return { id, wanted: NOTHING };
}

function publish(ledger: Ledger, endpoint: EndpointRecord, ports: readonly ReservedPort[], families: readonly Family[]): PublishedPort[] {
  const { driver } = ledger.network(endpoint.networkId);
  return ports.flatMap((port) =>
    families
      .filter((family) => servesFamily(port, family) && (driver.publishing(family) === 'routed' || (driver.publishing(family) === 'nat' && port.hostPort > 0)))
      .map((family): PublishedPort => {
        const { protocol, containerPort, hostPort, hostAddress } = port;
        const everywhere = hostAddress === undefined || hostAddress === '0.0.0.0' || hostAddress === '::';
        return { family, protocol, containerPort, hostPort, ...(everywhere ? {} : { hostAddress }) };
      }),
  );
}

function servesFamily(port: ReservedPort, family: Family): boolean {
  return port.hostAddress === undefined || familyOf(port.hostAddress) === family;
}
