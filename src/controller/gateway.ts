/** Which endpoint of a sandbox is its way out, per address family. Pure. */
import type { Family } from '../common/address.ts';
import { leaseLeadsOut } from './learned.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

/**
 * The endpoint with the highest priority; then one with both families; then by network name, as
 * Docker decides. undefined when no network of the sandbox leads out.
 */
export function gatewayEndpoint(ledger: Ledger, sandboxId: string, family: Family): EndpointRecord | undefined {
  const candidates = ledger.endpointsOfSandbox(sandboxId).filter((endpoint) => canLeadOut(ledger, endpoint, family));
  return candidates.toSorted(
    (a, b) =>
      b.gatewayPriority - a.gatewayPriority ||
      familiesOf(ledger, b) - familiesOf(ledger, a) ||
      compare(networkName(ledger, a), networkName(ledger, b)),
  )[0];
}

/** Ids of a sandbox's networks: those that lead out before the others. */
export function networksInOrder(ledger: Ledger, sandboxId: string): string[] {
  const leading = ([4, 6] as const).flatMap((family) => gatewayEndpoint(ledger, sandboxId, family) ?? []);
  return [...new Set([...leading, ...ledger.endpointsOfSandbox(sandboxId)].map(({ networkId }) => networkId))];
}

/** Whether a default route of this family can go through the endpoint. */
function canLeadOut(ledger: Ledger, endpoint: EndpointRecord, family: Family): boolean {
  const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
  if (endpoint.dhcp !== undefined && family === 4 && !leaseLeadsOut(endpoint)) return false;
  const { record, driver } = ledger.network(endpoint.networkId);
  if (record.remote !== undefined && endpoint.remote?.joined?.gateways[family] === undefined) return false;
  return address !== undefined && driver.givesGateway(family);
}

function familiesOf(ledger: Ledger, endpoint: EndpointRecord): number {
  return ([4, 6] as const).filter((family) => canLeadOut(ledger, endpoint, family)).length;
}

function networkName(ledger: Ledger, endpoint: EndpointRecord): string {
  return ledger.network(endpoint.networkId).record.name;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
