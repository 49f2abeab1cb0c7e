/** `--link SANDBOX:ALIAS`: whom a sandbox knows by names of its own. Pure. */
import type { Service } from '../dns/names.ts';
import { networksInOrder } from './gateway.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord, SandboxRecord } from './records.ts';
import { plainAddresses, servicesOf } from './services.ts';

/** A link that leads somewhere at the moment. */
export interface LinkTarget {
  readonly alias: string;
  /** Name of the sandbox or container. */
  readonly target: string;
  /** Where it is on the best network that both are on. */
  readonly endpoint: EndpointRecord;
}

/** The two halves of a link: without an alias, the sandbox's own name. */
export function parseLink(link: string): { readonly target: string; readonly alias: string } {
  const [target = '', alias = target] = link.split(':');
  return { target, alias };
}

/** All links of a sandbox: its own, and those of its endpoints. */
export function linksOf(ledger: Ledger, sandbox: SandboxRecord): string[] {
  return [...sandbox.links, ...ledger.endpointsOfSandbox(sandbox.id).flatMap(({ links = [] }) => links)];
}

/** The links of a sandbox whose other end is on a network with it. */
export function linkTargets(ledger: Ledger, sandbox: SandboxRecord): LinkTarget[] {
  if (linksOf(ledger, sandbox).length === 0) return [];
  const networks = networksInOrder(ledger, sandbox.id);
  const target = (link: string, places: readonly string[]): LinkTarget[] => {
    const { target: name, alias } = parseLink(link);
    for (const place of places) {
      const endpoint = ledger.endpointsOfNetwork(place).find((one) => one.sandboxId !== sandbox.id && isCalled(one, name));
      if (endpoint !== undefined) return [{ alias, target: endpoint.name, endpoint }];
    }
    return [];
  };
  return [
    ...sandbox.links.flatMap((link) => target(link, networks)),
    ...ledger.endpointsOfSandbox(sandbox.id).flatMap(({ networkId, links = [] }) => links.flatMap((link) => target(link, [networkId]))),
  ];
}

/**
 * The environment variables by which Docker tells a container of its links: ALIAS_NAME, and for each
 * published or exposed port ALIAS_PORT_80_TCP, _ADDR, _PORT, _PROTO; ALIAS_PORT for the first, and
 * _START and _END for ports in a row.
 */
export function linkEnvironment(ledger: Ledger, sandbox: SandboxRecord): Record<string, string> {
  return Object.fromEntries(
    linkTargets(ledger, sandbox).flatMap(({ alias, endpoint }): (readonly [string, string])[] => {
      const prefix = alias.toUpperCase().replaceAll('-', '_');
      const [address = ''] = plainAddresses(endpoint);
      return [[`${prefix}_NAME`, `/${sandbox.name}/${alias}`], ...portVariables(prefix, address, servicesOf(ledger, endpoint).toSorted(tcpFirst))];
    }),
  );
}

/** An engine's endpoint goes by what is known of its container. */
function isCalled({ id, name, container, sandboxId = container?.id ?? id }: EndpointRecord, target: string): boolean {
  return name === target || sandboxId === target || sandboxId.slice(0, 12) === target;
}

function portVariables(prefix: string, address: string, services: readonly Service[]): (readonly [string, string])[] {
  const [first] = services;
  if (first === undefined) return [];
  const url = ({ protocol, port }: Service): string => `${protocol}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  const key = ({ protocol, port }: Service): string => `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  return [
    [`${prefix}_PORT`, url(first)],
    ...services.flatMap((service) => [
      [key(service), url(service)] as const,
      [`${key(service)}_ADDR`, address] as const,
      [`${key(service)}_PORT`, String(service.port)] as const,
      [`${key(service)}_PROTO`, service.protocol] as const,
    ]),
    ...rows(services).flatMap(([start, end]) => [
      [`${key(start)}_START`, url(start)] as const,
      [`${key(start)}_PORT_START`, String(start.port)] as const,
      [`${key(start)}_END`, url(end)] as const,
      [`${key(start)}_PORT_END`, String(end.port)] as const,
    ]),
  ];
}

/** First and last of every two or more ports of one protocol that follow each other. */
function rows(services: readonly Service[]): (readonly [Service, Service])[] {
  const found: [Service, Service][] = [];
  for (const service of services) {
    const row = found.at(-1);
    if (row !== undefined && row[1].protocol === service.protocol && row[1].port + 1 === service.port) row[1] = service;
    else found.push([service, service]);
  }
  return found.filter(([start, end]) => start !== end);
}

function tcpFirst(a: Service, b: Service): number {
  if (a.protocol === b.protocol) return a.port - b.port;
  if (a.protocol === 'tcp' || b.protocol === 'tcp') return a.protocol === 'tcp' ? -1 : 1;
  return a.protocol < b.protocol ? -1 : 1;
}
