/** What stands in the files of a sandbox. Pure. */
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

/** As on any Linux machine. */
const LOCALHOST = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'ff02::1\tip6-allnodes', 'ff02::2\tip6-allrouters'];

/** What of the host's resolv.conf a sandbox takes over where nobody said otherwise. */
export interface HostResolver {
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** What of a resolv.conf(5) a sandbox may take over: the last search list counts, and all options. */
export function parseResolver(text: string): HostResolver {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const search = lines.findLast(([word]) => word === 'search' || word === 'domain') ?? [];
  return { search: search.slice(1), options: lines.flatMap(([word, ...options]) => (word === 'options' ? options : [])) };
}

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
  return { hosts: hostsLines(ledger, sandbox), 'resolv.conf': resolverLines(sandbox, host), hostname: [sandbox.hostname] };
}

function hostsLines(ledger: Ledger, sandbox: SandboxRecord): string[] {
  const { hostname, extraHosts } = sandbox;
  const [first = ''] = hostname.split('.');
  const own = first === hostname ? hostname : `${hostname} ${first}`;
  return [
    ...LOCALHOST,
    ...ledger.endpointsOfSandbox(sandbox.id).flatMap(plainAddresses).map((address) => `${address}\t${own}`),
    ...extraHosts.map(parseExtraHost).map(({ name, address }) => `${address}\t${name}`),
    ...linkTargets(ledger, sandbox).flatMap(({ alias, target, endpoint }) => plainAddresses(endpoint).map((address) => `${address}\t${alias === target ? alias : `${alias} ${target}`}`)),
  ];
}

function resolverLines({ dns }: SandboxRecord, host: HostResolver): string[] {
  const search = dns.search.length > 0 ? dns.search : host.search;
  const given = dns.options.length > 0 ? dns.options : host.options;
  // Names of neighbours have no dots, and are asked for as they are first.
  const options = given.some((option) => option.startsWith('ndots:')) ? given : [...given, 'ndots:0'];
  const domains = search.filter((domain) => domain !== '.');
  return [`nameserver ${RESOLVER}`, ...(domains.length === 0 ? [] : [`search ${domains.join(' ')}`]), `options ${options.join(' ')}`];
}
