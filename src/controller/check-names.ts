/** What a sandbox is told about names, checked before anything is made of it. */
import { formatAddress, parseAddress, tryParseAddress, type Address } from '../common/address.ts';
import { isLinkLocal, isLoopback, isMapped, isMulticast, isUnspecified } from '../common/address-scope.ts';
import { contains, firstOf, lastOf, parseCidr, type Cidr } from '../common/cidr.ts';
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

/** What resolvers read as an IPv4 address and never ask for (inet_aton(3)). */
const LIKE_ADDRESS = /^(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}$/i;

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
  requireSpeakable(alias);
  if (isReserved(alias)) throw new NetworkError('INVALID', `alias ${quote(alias)} means something else everywhere: choose another`);
}

/** A host name that somebody can ask for (RFC 1123 §2.1). */
function requireSpeakable(name: string): void {
  requireHostname(name);
  if (LIKE_ADDRESS.test(name)) throw new NetworkError('INVALID', `host name ${quote(name)} is taken for an address and never asked for: use one with a letter`);
}

function checkServer(ledger: Ledger, text: string, networks: readonly string[]): void {
  const refuse = (why: string): never => {
    throw new NetworkError('INVALID', `name server ${quote(text)} ${why}`);
  };
  const [plain = ''] = text.split('%');
  const scoped = tryParseAddress(plain);
  if (scoped?.family === 6 && isLinkLocal(scoped)) refuse("is good on one link only: name the server's address that is good everywhere");
  const address = plainAddress(parseAddress(text));
  const subnets = networks.flatMap((reference) => subnetsOf(ledger, reference));
  if (isNobody(address, subnets)) refuse('is the address of no host');
  if (formatAddress(address) === RESOLVER) refuse('is where the sandbox asks us: it would be asked by itself. Name the server that is to be asked, or leave it out for those of the host');
  if (networks.length > 0 && !isLoopback(address) && !isInReach(ledger, address, networks)) {
    refuse(`is out of reach: none of the networks ${networks.map(quote).join(', ')} holds it or leads out for IPv${address.family}`);
  }
}

/** The kernel takes `::ffff:192.0.2.1` for 192.0.2.1. */
function plainAddress(address: Address): Address {
  return isMapped(address) ? { family: 4, value: address.value & 0xffff_ffffn } : address;
}

/** Also the first and the last address of an IPv4 subnet, which mean all of it (RFC 1122 §3.2.1.3; RFC 3021 for two addresses). */
function isNobody(address: Address, subnets: readonly Cidr[]): boolean {
  if (isUnspecified(address) || isMulticast(address) || formatAddress(address) === '255.255.255.255') return true;
  const { family, value } = address;
  return family === 4 && subnets.some((subnet) => subnet.family === 4 && subnet.prefix < 31 && (value === firstOf(subnet).value || value === lastOf(subnet).value));
}

/** Servers are asked from within the sandbox. */
function isInReach(ledger: Ledger, address: Address, networks: readonly string[]): boolean {
  return networks.some((reference) => ledger.network(reference).driver.givesGateway(address.family) || subnetsOf(ledger, reference).some((subnet) => contains(subnet, address)));
}

function subnetsOf(ledger: Ledger, reference: string): Cidr[] {
  const { ipv4, ipv6 } = ledger.network(reference).record;
  return [...ipv4, ...ipv6].map(({ subnet }) => parseCidr(subnet));
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
  const name = entry.slice(0, Math.max(0, at));
  if (name === '' || tryParseAddress(entry.slice(at + 1)) === undefined) throw new NetworkError('INVALID', `host entry ${quote(entry)} must be NAME:ADDRESS, as in db:10.0.0.5 or db:fd00::5`);
  requireSpeakable(name);
}
