import type { NftField } from '../kernel/firewall-command.ts';
import { parseAddress, type Family } from '../common/address.ts';
import { isLoopback, isUnspecified } from '../common/address-scope.ts';
import type { Fact, FamilyFacts, NetworkFacts, PublishedPortFacts } from './facts.ts';
import type { TableFamily } from './nft-shape.ts';
import { ruleAddress, ruleInterface, rulePort, ruleProtocol, ruleSubnet, ruleVni } from './rule-text.ts';

/** One element of a set or map of ours, as nft writes it. */
export interface NftElement {
  readonly table: TableFamily;
  readonly set: string;
  readonly key: string;
  /** What a map leads to. */
  readonly data?: string;
  /** Key and data once more, where the kernel takes them as they are. */
  readonly fields?: { readonly key: readonly NftField[]; readonly data?: readonly NftField[] };
}

/**
 * What a fact puts into the sets and maps. Each fact answers for itself alone, so that one network
 * or endpoint can change while nobody looks at the others.
 *
 * @throws {NetworkError} INVALID for a name, address or port that cannot stand in a rule
 */
export function nftElements(fact: Fact): NftElement[] {
  switch (fact.kind) {
    case 'network':
      return [...networkElements(fact), ...fact.families.flatMap((family) => familyElements(fact, family))];
    case 'bridge-port':
      return [{ table: 'bridge', set: 'separate', key: link(fact.link) }];
    case 'published-port':
      return publishedElements(fact);
    case 'open-port':
      return [plain(`open${fact.family}`, [address(fact.address, fact.family), protocolField(fact.protocol), port(fact.port)])];
    case 'host-port': {
      const key = [ruleAddress(fact.address, fact.family), ruleProtocol(fact.protocol), String(rulePort(fact.port))];
      return [inet(`host_ports${fact.family}`, [link(fact.bridge), ...key].join(' . '))];
    }
    case 'tunnel-port':
      return [inet(`tunnel_ports${fact.family}`, String(rulePort(fact.port)))];
    case 'tunnel-end':
      return [inet(`tunnel_ends${fact.family}`, ruleAddress(fact.address, fact.family))];
    case 'tunnel-peer':
      return [inet(`tunnel_peers${fact.family}`, ruleAddress(fact.address, fact.family))];
    case 'tunnel-range':
      return [inet(`tunnel_ranges${fact.family}`, `${fact.family === 4 ? 'ip' : 'ip6'} . ${ruleSubnet(fact.subnet, fact.family)}`)];
    case 'tunnel-link':
      return [inet('tunnel_links', link(fact.link))];
    case 'encrypted-port':
      return [inet('encrypted_ports', String(rulePort(fact.port)))];
    case 'encrypted-vxlan':
      return [inet('encrypted', `${rulePort(fact.port)} . ${ruleVni(fact.vni)}`)];
    case 'guard':
      return [inet(`guarded${fact.family}`, link(fact.link)), inet(`guarded_pair${fact.family}`, pair(fact.link, fact.link))];
    case 'uplink':
      return [inet('uplinks', link(fact.link))];
    case 'foreign-bridge':
      return []; // nft sees what kind an interface is
  }
}

function networkElements({ bridge, icc, internal, trustedInterfaces }: NetworkFacts): NftElement[] {
  return [
    inet('bridges', link(bridge)),
    inet('inside', pair(bridge, bridge), `goto ${icc ? 'accepted' : 'inside_closed'}`),
    // Also for a family that the network does not have: a container may give itself an address.
    ...(internal ? [inet('closed4', link(bridge)), inet('closed6', link(bridge))] : []),
    ...trustedInterfaces.map((trusted) => inet('trusted', pair(trusted, bridge))),
  ];
}

const TOWARDS = { nat: 'goto to_nat', 'nat-unprotected': 'goto accepted', routed: 'goto to_routed' } as const;

function familyElements({ bridge, internal }: NetworkFacts, { family, subnets, mode, masquerade, source }: FamilyFacts): NftElement[] {
  const blocks = subnets.map((subnet) => ruleSubnet(subnet, family));
  const typed = blocks.map((block) => `${family === 4 ? 'ip' : 'ip6'} . ${block}`);
  const known = [
    ...blocks.map((block) => inet(`own${family}`, `${link(bridge)} . ${block}`)),
    ...typed.map((key) => inet(`subnets${family}`, key)),
  ];
  if (internal) return known;
  if (mode === 'isolated') return [...known, inet(`closed${family}`, link(bridge))];
  const ways = [inet(`towards${family}`, link(bridge), TOWARDS[mode]), inet(`from${family}`, link(bridge))];
  if (!masquerade || mode === 'routed') return [...known, ...ways];
  const hidden = typed.map((key) =>
    source === undefined ? inet(`masquerade${family}`, key) : inet(`source${family}`, key, ruleAddress(source, family)),
  );
  return [...known, ...ways, ...hidden];
}

function publishedElements(fact: PublishedPortFacts): NftElement[] {
  const { family, hostAddress } = fact;
  const key = [protocolField(fact.protocol), port(fact.hostPort)];
  const data = [address(fact.address, family), port(fact.port)];
  const host = hostAddress === undefined ? undefined : parseAddress(ruleAddress(hostAddress, family));
  if (hostAddress === undefined || host === undefined || isUnspecified(host)) return [plain(`ports${family}`, key, data)];
  if (family === 6 && isLoopback(host)) return []; // ::1 is the proxy's
  return [plain(`ports_on${family}`, [address(hostAddress, family), ...key], data)];
}

function address(text: string, family: Family): NftField {
  return { type: `ipv${family}_addr`, value: ruleAddress(text, family) };
}

function protocolField(protocol: string): NftField {
  return { type: 'inet_proto', value: ruleProtocol(protocol) };
}

function port(number: number): NftField {
  return { type: 'inet_service', value: String(rulePort(number)) };
}

/** An element whose fields the kernel takes as they are. */
function plain(set: string, key: readonly NftField[], data?: readonly NftField[]): NftElement {
  return { ...inet(set, joined(key), data === undefined ? undefined : joined(data)), fields: { key, ...(data === undefined ? {} : { data }) } };
}

function joined(fields: readonly NftField[]): string {
  return fields.map(({ value }) => value).join(' . ');
}

function inet(set: string, key: string, data?: string): NftElement {
  return { table: 'inet', set, key, ...(data === undefined ? {} : { data }) };
}

function link(name: string): string {
  return `"${ruleInterface(name)}"`;
}

function pair(from: string, to: string): string {
  return `${link(from)} . ${link(to)}`;
}
