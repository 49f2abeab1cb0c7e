/**
 * The host's own way to the endpoints: the kernel passes nothing between a parent and the links on
 * it, so the host gets a link of their kind, an address on it, and a route to each of them.
 */
import { createHash } from 'node:crypto';
import { familyOf, formatAddress, parseAddress, withoutLength } from '../../src/common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../../src/common/cidr.ts';
import { stableMac } from '../../src/common/mac.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import { PARENT_ADDRESS, type EndpointSpec, type NetworkSpec } from '../driver.ts';
import { ipv6Sysctls } from '../ipv6-sysctls.ts';
import { settledWords } from '../settled-words.ts';
import type { EndpointTraits } from './options.ts';

/** Interface identifiers have 64 bits (RFC 4291 §2.5.1): one that is made up meets no other. */
const ROOMY = 64;

/**
 * Plain addresses by which the host is there: the auxiliary address `host` (`host6`). Where none is given,
 * IPv4 takes the one that the parent has, but not for ipvlan, whose parent hands what is for an address
 * to the link that has it: the host would be cut off from its LAN. IPv6 makes one up: neighbours that ask
 * for the parent's would be answered twice, by its MAC and by another, and arp_filter is for IPv4 only.
 */
export function hostAddresses({ id, ipv4, ipv6 }: Pick<NetworkSpec, 'id' | 'ipv4' | 'ipv6'>, traits: EndpointTraits): string[] {
  return [
    ...ipv4.flatMap(({ auxiliary }) => auxiliary['host'] ?? (traits.type === 'macvlan' ? auxiliary[PARENT_ADDRESS] : undefined) ?? []),
    ...ipv6.flatMap(({ subnet, auxiliary }) => auxiliary['host6'] ?? auxiliary['host'] ?? madeUp(subnet, id) ?? []),
  ];
}

function madeUp(subnet: string, id: string): string | undefined {
  const { base, prefix } = parseCidr(subnet);
  const identifier = createHash('sha256').update(`host access ${id}`).digest().readBigUInt64BE();
  return prefix > ROOMY ? undefined : formatAddress({ family: 6, value: base | identifier });
}

/** The host's link. */
export function hostLink(spec: NetworkSpec, traits: EndpointTraits, parent: string, label: string): LinkState {
  const name = hostLinkName(spec);
  const addresses = settledAddresses(spec);
  return {
    namespace: HOST,
    name,
    type: traits.type,
    traits,
    parent,
    label,
    up: true,
    ...(traits.type === 'macvlan' ? { mac: stableMac(`host access ${spec.id}`) } : {}),
    addresses: addresses.map(single),
    sysctls: [
      // It answers endpoints only: the LAN knows the host by the parent's MAC and is to go on doing so.
      { key: `net/ipv4/conf/${name}/arp_filter`, value: '1' },
      ...ipv6Sysctls(name, addresses.some((address) => familyOf(address) === 6)),
    ],
  };
}

/** The routes by it to one endpoint. */
export function hostRoutes(spec: NetworkSpec, traits: EndpointTraits, { ipv4, ipv6 }: EndpointSpec): LinkState {
  const families = new Set(settledAddresses(spec).map(familyOf));
  const lan = settledWords(spec.settled['lan']).map((cidr) => parseInterfaceAddress(cidr).network);
  // The LAN's server may lend any address there is; the host is led to those of its own LAN only.
  const isNear = (address: string): boolean => spec.dhcp === undefined || lan.some((network) => contains(network, parseAddress(address)));
  const reached = [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutLength(cidr)])).filter((address) => families.has(familyOf(address)) && isNear(address));
  return { namespace: HOST, name: hostLinkName(spec), type: traits.type, routes: reached.map((address) => ({ destination: single(address) })) };
}

/** What {@link hostAddresses} said when the network was made. */
export function settledAddresses({ settled }: Pick<NetworkSpec, 'settled'>): string[] {
  return settledWords(settled['host']);
}

function single(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

function hostLinkName({ id }: Pick<NetworkSpec, 'id'>): string {
  return `ha-${id.slice(0, 12)}`;
}
