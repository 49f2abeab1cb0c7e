/** What a network of the cluster has on other hosts. Pure. */
import type { Reach, RemoteEndpoint } from '../../drivers/driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { HostRecord, SharedEndpoint } from '../cluster/records.ts';
import type { NamedEndpoint } from '../dns/names.ts';

/** The endpoints of a network on other hosts. */
export interface Elsewhere {
  readonly reach: Reach;
  readonly named: readonly NamedEndpoint[];
}

/**
 * Looks a network up in the directory.
 * @param self this host
 * @param hosts those that count, by their ids
 */
export function elsewhere(directory: Directory, networkId: string, { id: self, address: local }: Pick<HostRecord, 'id' | 'address'>, hosts: ReadonlyMap<string, HostRecord>): Elsewhere {
  const members = [...(directory.endpoints.get(networkId)?.values() ?? [])]
    .filter(({ record }) => record.hostId !== self && hosts.has(record.hostId))
    // Of two with one address, the later one has it: it has moved.
    .toSorted((a, b) => a.revision - b.revision);
  const byMac = new Map<string, RemoteEndpoint>();
  const macOf = new Map<string, string>();
  for (const { record } of members) {
    const host = hosts.get(record.hostId)?.address;
    if (host === undefined) continue;
    const endpoint = remoteEndpoint(record, host);
    for (const address of endpoint.addresses) macOf.set(address, record.mac);
    byMac.set(record.mac, endpoint);
  }
  const endpoints = [...byMac.values()].map((endpoint) => {
    const addresses = endpoint.addresses.filter((address) => macOf.get(address) === endpoint.mac);
    return addresses.length === endpoint.addresses.length ? endpoint : { ...endpoint, addresses };
  });
  return {
    reach: { local, others: { endpoints, hosts: [...new Set(endpoints.map(({ host }) => host))] } },
    named: members.map(({ record }) => namedEndpoint(record)),
  };
}

/** The same object for the same record: what is the same is not compared. */
const remoteEndpoints = new WeakMap<SharedEndpoint, RemoteEndpoint>();

function remoteEndpoint(record: SharedEndpoint, host: string): RemoteEndpoint {
  const known = remoteEndpoints.get(record);
  if (known?.host === host) return known;
  const fresh = { mac: record.mac, addresses: plainAddresses(record), host };
  remoteEndpoints.set(record, fresh);
  return fresh;
}

function namedEndpoint(record: SharedEndpoint): NamedEndpoint {
  const services = record.services.map((service) => {
    const [port = '', protocol] = service.split('/');
    return { port: Number(port), protocol: protocol as 'tcp' | 'udp' | 'sctp' };
  });
  return { id: record.id, asker: undefined, names: record.names, addresses: plainAddresses(record), services };
}

function plainAddresses({ ipv4, ipv6 }: SharedEndpoint): string[] {
  return [ipv4, ipv6].flatMap((address) => (address === undefined ? [] : [address.split('/')[0] ?? '']));
}
