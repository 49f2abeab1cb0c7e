import type { Cluster } from '../cluster/cluster.ts';
import { endpointKey } from '../cluster/keys.ts';
import type { SharedEndpoint } from '../cluster/records.ts';
import { sharedEndpoint } from './cluster-networks.ts';
import type { Context } from './context.ts';
import { takeTouched } from './ledger.ts';

/** Tells the other hosts of endpoints here: of those that changed. */
export class ClusterTelling {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  /** Where endpoints stand in the store, by their ids. */
  readonly #keys = new Map<string, string>();

  constructor(context: () => Context, cluster: Cluster) {
    this.#context = context;
    this.#cluster = cluster;
  }

  /** Follows the ledger. */
  settle(): void {
    const { ledger } = this.#context();
    const touched = takeTouched(ledger.untold);
    const members = [...[...touched.networks].flatMap((id) => ledger.endpointsOfNetwork(id)), ...[...touched.sandboxes].flatMap((id) => ledger.endpointsOfSandbox(id))];
    const changes = new Map<string, SharedEndpoint | undefined>();
    for (const id of new Set([...touched.endpoints, ...members.map((endpoint) => endpoint.id)])) {
      const before = this.#keys.get(id);
      const endpoint = ledger.endpoints.get(id);
      if (endpoint === undefined || ledger.networks.get(endpoint.networkId)?.record.cluster === undefined) {
        this.#keys.delete(id);
        if (before !== undefined) changes.set(before, undefined);
      } else {
        const key = endpointKey(endpoint.networkId, id);
        this.#keys.set(id, key);
        changes.set(key, sharedEndpoint(ledger, endpoint, this.#cluster.self));
      }
    }
    if (changes.size > 0) this.#cluster.tell(changes);
  }
}
