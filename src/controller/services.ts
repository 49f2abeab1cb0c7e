/** What an endpoint offers, and where. Pure. */
import type { Service } from '../dns/names.ts';
import { parsePortSpec } from '../ports/spec.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord } from './records.ts';

/** Published and exposed ports, each once. */
export function servicesOf(ledger: Ledger, { sandboxId, ports }: EndpointRecord): Service[] {
  const sandbox = sandboxId === undefined ? undefined : ledger.sandbox(sandboxId);
  const all = [...(sandbox?.ports ?? ports), ...(sandbox?.exposed.flatMap(parsePortSpec) ?? [])];
  const services = all.map(({ protocol, containerPort }): readonly [string, Service] => [`${containerPort}/${protocol}`, { protocol, port: containerPort }]);
  return [...new Map(services).values()];
}

/** Plain addresses of an endpoint, IPv4 first. */
export function plainAddresses({ ipv4, ipv6 }: EndpointRecord): string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [cidr.split('/')[0] ?? '']));
}
