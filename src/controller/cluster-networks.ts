/** Networks of the cluster, as they are on this host. */
import type { SharedEndpoint, SharedNetwork, SharedSubnet } from '../cluster/records.ts';
import { parseCidr } from '../common/cidr.ts';
import type { AddressSpace } from '../ipam/address-space.ts';
import { namedEndpoint } from './naming.ts';
import type { Ledger, LiveNetwork } from './ledger.ts';
import type { BlockRecord, EndpointRecord, NetworkRecord, SubnetRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';

/** What the other hosts are to know of a network. */
export function sharedNetwork({ record, driver }: LiveNetwork): SharedNetwork {
  const { id, name, internal, options, labels, created, settled, madeBy } = record;
  return { id, name, vni: Number(settled['vni']), mtu: driver.mtu, internal, ipv4: record.ipv4.map(sharedSubnet), ipv6: record.ipv6.map(sharedSubnet), options, labels, created, ...(madeBy === undefined ? {} : { madeBy }) };
}

/** The request that makes on this host what another host has made. */
export function networkRequest({ id, name, internal, ipv4, ipv6, options, labels, madeBy }: SharedNetwork): NetworkRequest {
  const subnets = [...ipv4, ...ipv6];
  return {
    id,
    name,
    driver: 'overlay',
    internal,
    ipv4: ipv4.length > 0,
    ipv6: ipv6.length > 0,
    subnets: subnets.map(({ subnet }) => subnet),
    ranges: subnets.flatMap(({ range }) => range ?? []),
    gateways: subnets.flatMap(({ gateway }) => gateway ?? []),
    auxiliary: Object.assign({}, ...subnets.map(({ auxiliary }) => auxiliary)) as Record<string, string>,
    options,
    labels,
    ...(madeBy === undefined ? {} : { madeBy }),
  };
}

/** What the other hosts are to know of an endpoint here. */
export function sharedEndpoint(ledger: Ledger, endpoint: EndpointRecord, hostId: string): SharedEndpoint {
  const { id, networkId, mac, ipv4, ipv6 } = endpoint;
  const { names, services } = namedEndpoint(ledger, endpoint);
  return {
    id,
    networkId,
    hostId,
    mac,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    names,
    services: services.map(({ port, protocol }) => `${String(port)}/${protocol}`),
  };
}

/** Has automatic addresses of a network come from this host's own blocks alone. */
export function allotBlocks(addresses: AddressSpace, { ipv4, ipv6 }: NetworkRecord, blocks: readonly BlockRecord[]): void {
  for (const { subnet } of [...ipv4, ...ipv6]) {
    addresses.pool(parseCidr(subnet))?.allot(blocks.filter((block) => block.subnet === subnet).map(({ block }) => parseCidr(block)));
  }
}

function sharedSubnet({ subnet, range, gateway, auxiliary }: SubnetRecord): SharedSubnet {
  return { subnet, ...(range === undefined ? {} : { range }), ...(gateway === undefined ? {} : { gateway }), auxiliary };
}
