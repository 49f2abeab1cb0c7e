/** What a sandbox is told about names, checked before anything is made of it. */
import { formatAddress, parseAddress, type Address } from '../common/address.ts';
import { isLoopback, isMulticast, isUnspecified } from '../common/address-scope.ts';
import { contains, parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { requireHostname, requireSandboxName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { isReserved } from '../dns/special-names.ts';
import { parsePortSpec } from '../ports/spec.ts';
import type { Ledger } from './ledger.ts';
import type { SandboxRecord } from './records.ts';
import type { SandboxRequest } from './requests.ts';
import { isServed, RESOLVER } from './sandbox-files.ts';

/** resolv.conf(5) */
const RESOLVER_OPTION = /^[a-z][a-z0-9-]{0,31}(?::\d{1,4})?$/;

/**
 * Checks resolvers, search domains, links, hosts entries and exposed ports.
 * @throws {NetworkError} INVALID names the value and what it may be, NOT_FOUND for a network
 */
export function checkNames(ledger: Ledger, request: Pick<SandboxRequest, 'dns' | 'networks' | 'links' | 'extraHosts' | 'exposed'>): void {
  for (const server of request.dns?.servers ?? []) checkServer(ledger, server, (request.networks ?? []).map(({ network }) => network));
  for (const domain of request.dns?.search ?? []) if (domain !== '.') requireHostname(domain.replace(/\.$/, ''));
  for (const option of request.dns?.options ?? []) {
    if (!RESOLVER_OPTION.test(option)) throw new NetworkError('INVALID', `resolver option ${quote(option)} must look like ndots:2 or rotate`);
  }
  for (const link of request.links ?? []) checkLink(link);
  for (const entry of request.extraHosts ?? []) checkHost(entry);
  for (const port of request.exposed ?? []) {
    if (port.includes(':')) throw new NetworkError('INVALID', `exposed port ${quote(port)} must be PORT[-END][/tcp|udp|sctp]; to publish it use -p`);
    parsePortSpec(port);
  }
}

/**
 * A name that neighbours may call an endpoint by.
 * @throws {NetworkError} INVALID
 */
export function checkAlias(alias: string): void {
  requireHostname(alias);
  if (isReserved(alias)) throw new NetworkError('INVALID', `alias ${quote(alias)} means something else everywhere: choose another`);
}

function checkServer(ledger: Ledger, text: string, networks: readonly string[]): void {
  const address = parseAddress(text);
  const refuse = (why: string): never => {
    throw new NetworkError('INVALID', `name server ${quote(text)} ${why}`);
  };
  if (isUnspecified(address) || isMulticast(address)) refuse('is the address of no host');
  if (formatAddress(address) === RESOLVER) refuse('is where the sandbox asks us: it would be asked by itself. Name the server that is to be asked, or leave it out for those of the host');
  if (networks.length > 0 && !isLoopback(address) && !isInReach(ledger, address, networks)) {
    refuse(`is out of reach: none of the networks ${networks.map(quote).join(', ')} holds it or leads out for IPv${address.family}`);
  }
}

/** Servers are asked from within the sandbox. */
function isInReach(ledger: Ledger, address: Address, networks: readonly string[]): boolean {
  return networks.some((reference) => {
    const { record, driver } = ledger.network(reference);
    return driver.givesGateway(address.family) || [...record.ipv4, ...record.ipv6].some(({ subnet }) => contains(parseCidr(subnet), address));
  });
}

/**
 * Links that are good in one network.
 * @throws {NetworkError} INVALID, also for a sandbox that keeps its own resolver
 */
export function checkLinks(sandbox: SandboxRecord, links: readonly string[]): void {
  for (const link of links) checkLink(link);
  if (links.length > 0 && !isServed(sandbox)) {
    throw new NetworkError('INVALID', `sandbox ${quote(sandbox.name)} keeps a resolver of its own, which knows no links: give --link or --dns when it is adopted`);
  }
}

function checkLink(link: string): void {
  const [target = '', alias, ...rest] = link.split(':');
  if (rest.length > 0) throw new NetworkError('INVALID', `link ${quote(link)} must be SANDBOX[:ALIAS]`);
  requireSandboxName(target);
  if (alias !== undefined) checkAlias(alias);
}

function checkHost(entry: string): void {
  const at = entry.indexOf(':');
  if (at <= 0) throw new NetworkError('INVALID', `host entry ${quote(entry)} must be NAME:ADDRESS, as in db:10.0.0.5`);
  requireHostname(entry.slice(0, at));
  parseAddress(entry.slice(at + 1));
}
