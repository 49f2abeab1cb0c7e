/**
 * The host's own way to the endpoints: the kernel passes nothing between a parent and the links on
 * it, so the host gets a link of their kind, an address on it, and a route to each of them.
 */
import { stableMac } from '../../src/common/mac.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import { PARENT_ADDRESS, type EndpointSpec, type NetworkSpec, type Subnet } from '../driver.ts';
import { ipv6Sysctls } from '../ipv6-sysctls.ts';
import type { EndpointTraits } from './options.ts';

type Subnets = Pick<NetworkSpec, 'ipv4' | 'ipv6'>;

/**
 * Plain addresses by which the host is there: the auxiliary address `host` (`host6`), for macvlan else
 * the one that the parent has. An ipvlan parent hands what is for an address to the link that has it:
 * with the parent's own, the host would be cut off from its LAN.
 */
export function hostAddresses({ ipv4, ipv6 }: Subnets, traits: EndpointTraits): string[] {
  const pick = ({ auxiliary }: Subnet, name: string): string[] => {
    const found = auxiliary[name] ?? auxiliary['host'] ?? (traits.type === 'macvlan' ? auxiliary[PARENT_ADDRESS] : undefined);
    return found === undefined ? [] : [found];
  };
  return [...ipv4.flatMap((subnet) => pick(subnet, 'host')), ...ipv6.flatMap((subnet) => pick(subnet, 'host6'))];
}

/** The host's link. */
export function hostLink(spec: NetworkSpec, traits: EndpointTraits, parent: string, label: string): LinkState {
  const name = hostLinkName(spec);
  const addresses = hostAddresses(spec, traits);
  const sixth = addresses.some((address) => address.includes(':'));
  return {
    namespace: HOST,
    name,
    type: traits.type,
    traits,
    parent,
    label,
    up: true,
    ...(traits.type === 'macvlan' ? { mac: stableMac(`host access ${spec.id}`) } : {}),
    addresses: addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
    sysctls: [
      // It answers endpoints only: the LAN knows the host by the parent's MAC and is to go on doing so.
      { key: `net/ipv4/conf/${name}/arp_filter`, value: '1' },
      ...ipv6Sysctls(name, sixth),
    ],
  };
}

/** The routes by it to one endpoint. */
export function hostRoutes(spec: NetworkSpec, traits: EndpointTraits, { ipv4, ipv6 }: EndpointSpec): LinkState {
  const plain = [ipv4, ipv6].flatMap((cidr) => cidr?.split('/')[0] ?? []);
  const families = new Set(hostAddresses(spec, traits).map((address) => address.includes(':')));
  const reached = plain.filter((address) => families.has(address.includes(':')));
  return {
    namespace: HOST,
    name: hostLinkName(spec),
    type: traits.type,
    routes: reached.map((address) => ({ destination: `${address}/${address.includes(':') ? 128 : 32}` })),
  };
}

function hostLinkName({ id }: Pick<NetworkSpec, 'id'>): string {
  return `ha-${id.slice(0, 12)}`;
}
