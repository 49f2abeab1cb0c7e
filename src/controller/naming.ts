/** From records to what the name server is told. Pure. */
import { canonicalAddress } from '../common/address.ts';
import type { Asker, NamedEndpoint, NamedNetwork } from '../dns/names.ts';
import { ndotsOf } from '../dns/resolv-conf.ts';
import { learnedNames } from './learned.ts';
import { networksInOrder } from './gateway.ts';
import type { Ledger, LiveNetwork } from './ledger.ts';
import type { EndpointRecord, SandboxRecord } from './records.ts';
import { linkTargets } from './sandbox-links.ts';
import { plainAddresses, servicesOf } from './services.ts';

/** Digits of an id that are a name, as in Docker. */
const SHORT_ID = 12;

/** What has a name in a network. */
export function namedNetwork(ledger: Ledger, { record, driver }: LiveNetwork): NamedNetwork {
  const { hostAddresses, isAlone } = driver.naming();
  return {
    id: record.id,
    name: record.name,
    subnets: isAlone ? [...record.ipv4, ...record.ipv6].map(({ subnet }) => subnet) : [],
    hostAddresses,
    endpoints: [...ledger.endpointsOfNetwork(record.id).map((endpoint) => namedEndpoint(ledger, endpoint)), ...ledger.remotes.ofNetwork(record.id)],
  };
}

/** The names of an endpoint, and where they lead. */
export function namedEndpoint(ledger: Ledger, endpoint: EndpointRecord): NamedEndpoint {
  const { id, name, aliases, sandboxId } = endpoint;
  const owner = ownerOf(ledger, endpoint);
  return {
    id,
    asker: sandboxId ?? (isServedAtGateway(ledger, endpoint) ? id : undefined),
    names: distinct([name, owner.hostname, owner.id.slice(0, SHORT_ID), ...aliases]),
    addresses: plainAddresses(endpoint),
    services: servicesOf(ledger, endpoint),
  };
}

/** The sandbox or container of an endpoint; one that nothing is known of goes by its endpoint. */
export function ownerOf(ledger: Ledger, { id, name, sandboxId, container }: EndpointRecord): { readonly id: string; readonly hostname: string } {
  return sandboxId === undefined ? (container ?? { id, hostname: name }) : ledger.sandbox(sandboxId);
}

/** A sandbox as somebody who asks. */
export function sandboxAsker(ledger: Ledger, sandbox: SandboxRecord): Asker {
  const { id, namespace, identity, dns, extraHosts } = sandbox;
  const networks = networksInOrder(ledger, id);
  const learned = learnedNames(ledger, id);
  return {
    id,
    networks,
    aliases: linkTargets(ledger, sandbox).map(({ alias, endpoint }) => ({ name: alias, endpoint: endpoint.id })),
    extraHosts: extraHosts.map(parseExtraHost),
    servers: dns.servers.length > 0 ? dns.servers.map(canonicalAddress) : learned.servers,
    namespace,
    ...(identity === undefined ? {} : { identity }),
    mayUseHostServers: leadsOut(ledger, networks),
    search: dns.search.length > 0 ? dns.search : learned.search,
    ndots: ndotsOf(dns.options),
  };
}

/** An engine's container as somebody who asks at a gateway: undefined where names are not served there. */
export function containerAsker(ledger: Ledger, endpoint: EndpointRecord): Asker | undefined {
  const { id, networkId, attachment, sandboxId } = endpoint;
  if (sandboxId !== undefined || attachment === undefined || !isServedAtGateway(ledger, endpoint)) return undefined;
  const { namespace } = attachment;
  return { id, networks: [networkId], aliases: [], extraHosts: [], servers: [], namespace, mayUseHostServers: leadsOut(ledger, [networkId]), search: [], ndots: undefined };
}

/** `NAME:ADDRESS`; an IPv6 address has more colons. */
export function parseExtraHost(entry: string): { readonly name: string; readonly address: string } {
  const at = entry.indexOf(':');
  return { name: entry.slice(0, at), address: canonicalAddress(entry.slice(at + 1)) };
}

function leadsOut(ledger: Ledger, networks: readonly string[]): boolean {
  return networks.some((id) => !ledger.network(id).record.internal);
}

function isServedAtGateway(ledger: Ledger, { networkId }: EndpointRecord): boolean {
  return ledger.network(networkId).driver.naming().servedAt.length > 0;
}

/** Without those that differ from an earlier one in case only. */
function distinct(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => !seen.has(name.toLowerCase()) && seen.add(name.toLowerCase()));
}
