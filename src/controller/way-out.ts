/** How a sandbox or an engine's endpoint is reached from outside, and what that makes of its ports. Pure. */
import type { Publishing } from '../../drivers/driver.ts';
import { familyOf, type Family } from '../common/address.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import { gatewayEndpoint } from './gateway.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** What the networks that lead out say about publishing. */
export interface WayOut {
  readonly publishing: Readonly<Record<Family, Publishing>>;
  /** Host address of ports that are published without one; undefined: every one. */
  readonly hostAddress: string | undefined;
}

type Place = Pick<ReservedPort, 'protocol' | 'hostAddress'>;

/** The way out of a sandbox: the networks of its default routes. */
export function sandboxWayOut(ledger: Ledger, sandboxId: string): WayOut {
  return wayOut(ledger, (family) => gatewayEndpoint(ledger, sandboxId, family));
}

/** The way out of an engine's endpoint: the engine says itself at which one ports are programmed. */
export function endpointWayOut(ledger: Ledger, endpoint: EndpointRecord): WayOut {
  return wayOut(ledger, (family) => ((family === 4 ? endpoint.ipv4 : endpoint.ipv6) === undefined ? undefined : endpoint));
}

function wayOut(ledger: Ledger, leading: (family: Family) => EndpointRecord | undefined): WayOut {
  const [four, six] = FAMILIES.map((family) => {
    const endpoint = leading(family);
    return endpoint === undefined ? undefined : ledger.network(endpoint.networkId).driver;
  });
  return {
    publishing: { 4: four?.publishing(4) ?? 'none', 6: six?.publishing(6) ?? 'none' },
    hostAddress: (four ?? six)?.defaultHostAddress,
  };
}

/**
 * Families of host addresses at which a port is reached. IPv6 clients also reach an endpoint that has
 * IPv4 alone, through the proxy, which knows no sctp; routed IPv6 has nothing at host addresses, as in Docker.
 */
export function hostFamilies(port: Place, { publishing }: WayOut): Family[] {
  const proxied = publishing[6] === 'none' && publishing[4] === 'nat' && port.protocol !== 'sctp';
  return FAMILIES.filter((family) => serves(port, family) && (publishing[family] === 'nat' || (family === 6 && proxied)));
}

/** Families in which a port is open at the endpoint's own address. */
function openFamilies(port: Place, { publishing }: WayOut): Family[] {
  return FAMILIES.filter((family) => serves(port, family) && publishing[family] === 'routed');
}

/** The ports that lead somewhere, as they do: those of a routed network have host port 0. */
export function portsInForce(ports: readonly ReservedPort[], way: WayOut): ReservedPort[] {
  return ports.flatMap(({ hostAddress, ...port }) => {
    const place = { ...port, ...(hostAddress === undefined ? {} : { hostAddress }) };
    const atHost = port.hostPort === 0 ? [] : hostFamilies(place, way);
    const open = openFamilies(place, way);
    return [
      ...(atHost.length === 0 ? [] : [{ ...port, ...addressOf(atHost, hostAddress) }]),
      ...(open.length === 0 ? [] : [{ ...port, ...addressOf(open), hostPort: 0 }]),
    ];
  });
}

function addressOf(families: readonly Family[], hostAddress?: string): { hostAddress?: string } {
  if (hostAddress !== undefined) return { hostAddress };
  return families.length === FAMILIES.length ? {} : { hostAddress: families[0] === 4 ? '0.0.0.0' : '::' };
}

function serves({ hostAddress }: Place, family: Family): boolean {
  return hostAddress === undefined || familyOf(hostAddress) === family;
}
