/** What stands in the files of a sandbox. Pure. */
import { hostsLine, LOCAL_HOSTS } from '../dns/hosts-file.ts';
import { formatResolvConf, ndotsOf, type ResolvConf } from '../dns/resolv-conf.ts';
import { learnedNames } from './learned.ts';
import type { Ledger } from './ledger.ts';
import { parseExtraHost } from './naming.ts';
import type { FileContents, FileOwner } from './netns-files.ts';
import type { SandboxRecord } from './records.ts';
import { linkTargets } from './sandbox-links.ts';
import { plainAddresses } from './services.ts';

/** Where names are served inside a sandbox. */
export const RESOLVER = '127.0.0.11';

/** Where `ip netns` keeps its names. */
const NAMESPACES = /^(?:\/var)?\/run\/netns\/([^/]+)$/;

/** What of the host's resolv.conf a sandbox takes over where nobody said otherwise. */
export type HostResolver = Pick<ResolvConf, 'search' | 'options'>;

/**
 * Whether names are served inside: always in what we made; in a namespace that somebody else made, which has
 * a resolver and files of its own, only if something was said about names when it was taken in.
 */
export function isServed({ kind, dns, links, extraHosts }: SandboxRecord): boolean {
  return kind === 'named' || [dns.servers, dns.search, dns.options, links, extraHosts].some((list) => list.length > 0);
}

/** Whose files a sandbox has; undefined for one whose namespace has no name, and so no files. */
export function fileOwner(instance: string, { id, namespace, kept }: SandboxRecord): FileOwner | undefined {
  const name = NAMESPACES.exec(namespace)?.[1];
  return name === undefined ? undefined : { namespace: name, mark: `${instance} ${id.slice(0, 12)}`, kept: kept ?? [] };
}

/** Lines of the files. */
export function fileContents(ledger: Ledger, sandbox: SandboxRecord, host: HostResolver): FileContents {
  return { hosts: hostsLines(ledger, sandbox), 'resolv.conf': resolverLines(sandbox, host, learnedNames(ledger, sandbox.id).search), hostname: [sandbox.hostname] };
}

function hostsLines(ledger: Ledger, sandbox: SandboxRecord): string[] {
  const { hostname, extraHosts } = sandbox;
  const [first = ''] = hostname.split('.');
  return [
    ...linesOf(LOCAL_HOSTS),
    ...ledger.endpointsOfSandbox(sandbox.id).flatMap(plainAddresses).map((address) => hostsLine(address, [hostname, first])),
    ...extraHosts.map(parseExtraHost).map(({ name, address }) => hostsLine(address, [name])),
    ...linkTargets(ledger, sandbox).flatMap(({ alias, target, endpoint }) => plainAddresses(endpoint).map((address) => hostsLine(address, [alias, target]))),
  ];
}

function resolverLines({ dns }: SandboxRecord, host: HostResolver, learned: readonly string[]): string[] {
  const search = [dns.search, learned].find((list) => list.length > 0) ?? host.search;
  const given = dns.options.length > 0 ? dns.options : host.options;
  // Names of neighbours have no dots, and are asked for as they are first.
  const options = ndotsOf(given) === undefined ? [...given, 'ndots:0'] : given;
  return linesOf(formatResolvConf({ servers: [RESOLVER], search: search.filter((domain) => domain !== '.'), options }));
}

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n');
}
