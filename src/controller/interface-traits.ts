import type { Family } from '../common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../common/cidr.ts';
import type { RouteState } from '../kernel/link-state.ts';
import { learnedBefore, learnedOf } from './learned.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

const DEFAULT_ROUTE = '0.0.0.0/0';

/** How an engine is to configure an endpoint's interface. */
export interface InterfaceTraits {
  /** Prefix of interface names in containers. */
  readonly interfacePrefix: string;
  /** Plain address; undefined where the container gets no default route by one. */
  readonly gateway: (family: Family) => string | undefined;
  /** Families whose default route names no gateway. */
  readonly leadsOnLink: readonly Family[];
  /** Others that the server of the LAN told of. */
  readonly routes: readonly RouteState[];
}

/** What an engine has to know of an endpoint's network to configure the endpoint's interface. Pure. */
export function interfaceTraits(ledger: Ledger, endpoint: EndpointRecord): InterfaceTraits {
  const { record, driver } = ledger.network(endpoint.networkId);
  const { interfacePrefix } = driver;
  const learned = learnedOf(endpoint, driver.givesGateway(4) ? [4] : []) ?? learnedBefore(ledger, endpoint, record.internal ? [] : [4]);
  if (learned !== undefined) {
    const way = learned.routes.find(({ destination }) => destination === DEFAULT_ROUTE)?.gateway;
    return { interfacePrefix, gateway: (family) => (family === 4 ? way : undefined), leadsOnLink: [], routes: learned.routes.filter(({ destination }) => destination !== DEFAULT_ROUTE) };
  }
  const addressIn = (family: Family): string | undefined => (family === 4 ? endpoint.ipv4 : endpoint.ipv6);
  const gateway = (family: Family): string | undefined => {
    const address = addressIn(family);
    if (address === undefined || !driver.givesGateway(family) || driver.leadsOnLink) return undefined;
    const subnets = family === 4 ? record.ipv4 : record.ipv6;
    const own = subnets.find(({ subnet }) => contains(parseCidr(subnet), parseInterfaceAddress(address).address)) ?? subnets[0];
    return own?.auxiliary[`DefaultGatewayIPv${family}`] ?? own?.gateway;
  };
  const leadsOnLink = ([4, 6] as const).filter((family) => driver.leadsOnLink && driver.givesGateway(family) && addressIn(family) !== undefined);
  return { interfacePrefix, gateway, leadsOnLink, routes: [] };
}
