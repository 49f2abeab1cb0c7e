/** What callers see of names: complete, plain, and safe to print as JSON. */
import { Counters } from '../dns/counters.ts';
import type { DnsCounts, DnsStats } from '../dns/dns-stats.ts';
import { isFound } from '../dns/special-names.ts';
import type { Ledger, LiveNetwork } from './ledger.ts';
import { namedEndpoint, ownerOf, parseExtraHost } from './naming.ts';
import type { EndpointRecord, SandboxRecord } from './records.ts';
import { isServed } from './sandbox-files.ts';
import { linkTargets } from './sandbox-links.ts';
import { plainAddresses } from './services.ts';

/** The host, as seen from a network. */
const HOST_NAME = 'host.netctl.internal';

/** Where a name comes from. */
export type NameSource = 'sandbox' | 'hostname' | 'id' | 'alias' | 'container' | 'other host' | 'host' | 'link' | 'extra host';

/** A name and where it leads. */
export interface NameView {
  readonly name: string;
  /** Plain. */
  readonly addresses: readonly string[];
  readonly from: NameSource;
  /** Network whose members know it; null for a name that one sandbox alone knows. */
  readonly network: string | null;
  /** The one sandbox that knows it. */
  readonly knownTo: string | null;
  /** Sandbox or container that is called so; null for the host and for others. */
  readonly owner: string | null;
}

/** Counts of one asker. */
export interface NameCounts extends DnsCounts {
  /** Sandbox, or container at a gateway; null for all together. */
  readonly asker: string | null;
}

/** Every name there is. @param network only those that its members know */
export function nameViews(ledger: Ledger, network?: LiveNetwork): NameView[] {
  const networks = network === undefined ? [...ledger.networks.values()] : [network];
  const known = networks.flatMap((one) => [...hostName(one), ...ledger.endpointsOfNetwork(one.record.id).flatMap((endpoint) => endpointNames(ledger, one, endpoint)), ...remoteNames(ledger, one)]);
  return network === undefined ? [...known, ...[...ledger.sandboxes.values()].filter(isServed).flatMap((sandbox) => ownNames(ledger, sandbox))] : known;
}

/** Things by id that have a name. */
type Named = ReadonlyMap<string, { readonly name: string }>;

/** What has been asked: first all together, then by asker. A container at the gateways of several networks is one asker. */
export function nameCounts({ sandboxes, endpoints }: { readonly sandboxes: Named; readonly endpoints: Named }, { all, askers }: DnsStats): NameCounts[] {
  const byName = new Map<string, Counters>();
  for (const counts of askers) {
    const name = sandboxes.get(counts.id)?.name ?? endpoints.get(counts.id)?.name;
    if (name === undefined) continue;
    const counters = byName.get(name) ?? new Counters();
    counters.add(counts);
    byName.set(name, counters);
  }
  return [{ asker: null, ...all }, ...[...byName].map(([asker, counters]) => ({ asker, ...counters.read() }))];
}

function hostName({ record, driver }: LiveNetwork): NameView[] {
  const { hostAddresses } = driver.naming();
  return hostAddresses.length === 0 ? [] : [{ name: HOST_NAME, addresses: hostAddresses, from: 'host', network: record.name, knownTo: null, owner: null }];
}

function endpointNames(ledger: Ledger, { record }: LiveNetwork, endpoint: EndpointRecord): NameView[] {
  const { names, addresses } = namedEndpoint(ledger, endpoint);
  return names.filter(isFound).map((name): NameView => ({ name, addresses, from: sourceOf(ledger, endpoint, name), network: record.name, knownTo: null, owner: endpoint.name }));
}

function remoteNames(ledger: Ledger, { record }: LiveNetwork): NameView[] {
  return ledger.remotes.ofNetwork(record.id).flatMap(({ names, addresses }) =>
    names.filter(isFound).map((name): NameView => ({ name, addresses, from: 'other host', network: record.name, knownTo: null, owner: names[0] ?? null })),
  );
}

function sourceOf(ledger: Ledger, endpoint: EndpointRecord, name: string): NameSource {
  if (name === endpoint.name) return endpoint.sandboxId === undefined ? 'container' : 'sandbox';
  const { id, hostname } = ownerOf(ledger, endpoint);
  if (name === id.slice(0, 12)) return 'id';
  return name === hostname ? 'hostname' : 'alias';
}

function ownNames(ledger: Ledger, sandbox: SandboxRecord): NameView[] {
  const shared = { network: null, knownTo: sandbox.name };
  return [
    ...linkTargets(ledger, sandbox).map(({ alias, target, endpoint }): NameView => ({ name: alias, addresses: plainAddresses(endpoint), from: 'link', ...shared, owner: target })),
    ...sandbox.extraHosts.map(parseExtraHost).map(({ name, address }): NameView => ({ name, addresses: [address], from: 'extra host', ...shared, owner: null })),
  ];
}
