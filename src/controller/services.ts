/** What an endpoint offers, and where. Pure. */
import { withoutLength } from '../common/address.ts';
import type { Service } from '../dns/names.ts';
import { parsePortSpec } from '../ports/spec.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

/** Published and exposed ports, each once. */
export function servicesOf(ledger: Ledger, { sandboxId, ports, container }: EndpointRecord): Service[] {
  const sandbox = sandboxId === undefined ? undefined : ledger.sandbox(sandboxId);
  const exposed = (sandbox ?? container)?.exposed ?? [];
  const all = [...(sandbox?.ports ?? ports), ...exposed.flatMap(parsePortSpec)];
  const services = all.map(({ protocol, containerPort }): readonly [string, Service] => [`${containerPort}/${protocol}`, { protocol, port: containerPort }]);
  return [...new Map(services).values()];
}

/** Plain addresses of an endpoint, IPv4 first. */
export function plainAddresses({ ipv4, ipv6 }: Pick<EndpointRecord, 'ipv4' | 'ipv6'>): string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutLength(cidr)]));
}
