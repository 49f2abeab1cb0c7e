/** What callers see of the cluster. */
import type { Cluster } from '../cluster/cluster.ts';
import type { HostRecord } from '../cluster/records.ts';

/** A cluster as its users see it. */
export interface ClusterView {
  /** Sixteen hex digits of the servers, eight of the store in them. */
  readonly id: string;
  readonly isReachable: boolean;
  /** Id of this host. */
  readonly self: string;
  readonly hosts: readonly ClusterHostView[];
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
}

/** A host of a cluster. */
export interface ClusterHostView extends Pick<HostRecord, 'id' | 'name' | 'address' | 'mtu'> {
  /** `lost`: it has left endpoints or addresses behind. */
  readonly state: 'here' | 'there' | 'lost';
  /** How many it has in networks of the cluster. */
  readonly endpoints: number;
}

/** What is known of a cluster. @param known hosts that count or did, by their ids */
export function clusterView(cluster: Cluster, known: ReadonlyMap<string, HostRecord>, problems: readonly string[]): ClusterView {
  const { directory, self } = cluster;
  const count = (id: string): number => directory.endpointsOfHost.get(id)?.size ?? 0;
  const present = [...directory.hosts.values()].map(({ id, name, address, mtu }): ClusterHostView => ({ id, name, address, mtu, state: id === self ? 'here' : 'there', endpoints: count(id) }));
  const lost = cluster.lostHosts().map((id): ClusterHostView => ({ id, name: known.get(id)?.name ?? '', address: '', mtu: 0, state: 'lost', endpoints: count(id) }));
  return { id: cluster.id, isReachable: cluster.isReachable, self, hosts: [...present, ...lost].toSorted((a, b) => (a.name < b.name ? -1 : 1)), problems };
}
