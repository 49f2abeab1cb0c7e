/** What callers see of the cluster. */
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
