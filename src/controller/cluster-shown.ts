/** What callers see of the cluster. */
import type { Cluster } from '../cluster/cluster.ts';
import type { HostRecord } from '../cluster/records.ts';
import type { RemoteEndpointView } from './views.ts';

/** A cluster as its users see it. */
export interface ClusterView {
  /** Sixteen hex digits of the servers, eight of the store in them; of a file its path, and eight hex digits of what stands in it. */
  readonly id: string;
  readonly isReachable: boolean;
  /** Id of this host. */
  readonly self: string;
  readonly hosts: readonly ClusterHostView[];
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
}

/** A host of a cluster. */
export interface ClusterHostView extends Pick<HostRecord, 'id' | 'name' | 'address' | 'mtu' | 'wireguard'> {
  /** `lost`: it has left endpoints or addresses behind. */
  readonly state: 'here' | 'there' | 'lost';
  /** How many it has in networks of the cluster; null where it does not say. */
  readonly endpoints: number | null;
}

/** Endpoints of a network on other hosts. @param known hosts that count, by their ids */
export function remoteEndpointViews({ directory, self, file }: Cluster, known: ReadonlyMap<string, HostRecord>, networkId: string): RemoteEndpointView[] {
  const there = [...(directory.endpoints.get(networkId)?.values() ?? [])].map(({ record }) => record);
  return there.flatMap(({ id, hostId, names, mac, ipv4 = null, ipv6 = null }): RemoteEndpointView[] => {
    const host = hostId === self ? undefined : known.get(hostId)?.name;
    const [name = null] = names;
    // What a file says of addresses that nobody may have is no endpoint.
    return host === undefined || (file !== undefined && name === null) ? [] : [{ id, name, host, mac, ipv4, ipv6 }];
  });
}

/** What is known of a cluster. @param known hosts that count or did, by their ids */
export function clusterView(cluster: Cluster, known: ReadonlyMap<string, HostRecord>, problems: readonly string[]): ClusterView {
  const { directory, self } = cluster;
  const count = (id: string): number | null => (cluster.file === undefined || id === self ? (directory.endpointsOfHost.get(id)?.size ?? 0) : null);
  const present = [...directory.hosts.values()].map(({ id, name, address, mtu, wireguard }): ClusterHostView => ({
    id, name, address, mtu, ...(wireguard === undefined ? {} : { wireguard }), state: id === self ? 'here' : 'there', endpoints: count(id),
  }));
  const lost = cluster.lostHosts().map((id): ClusterHostView => ({ id, name: known.get(id)?.name ?? '', address: '', mtu: 0, state: 'lost', endpoints: count(id) }));
  return { id: cluster.id, isReachable: cluster.isReachable, self, hosts: [...present, ...lost].toSorted((a, b) => (a.name < b.name ? -1 : 1)), problems };
}
