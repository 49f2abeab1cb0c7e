import type { Cluster } from '../cluster/cluster.ts';
import { NetworkError } from '../common/error.ts';
import type { Context } from './context.ts';

/** Tells the cluster which of its networks the engines of this host have: those stay. */
export class ClusterJoins {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  readonly #removeUnused: (networkId: string) => Promise<void>;
  /** What is being told, by network. */
  readonly #running = new Map<string, Promise<void>>();

  /** @param removeUnused takes a network away that nobody has any more */
  constructor(context: () => Context, cluster: Cluster, removeUnused: (networkId: string) => Promise<void>) {
    this.#context = context;
    this.#cluster = cluster;
    this.#removeUnused = removeUnused;
  }

  /** @throws {NetworkError} NOT_FOUND for a network that is gone meanwhile, UNAVAILABLE */
  join(networkId: string): Promise<void> {
    return this.#oneByOne(networkId, () => this.#cluster.joinNetwork(networkId));
  }

  /** Nothing to do while another engine of this host has it. What cannot be told now is told when the store is there again. */
  leave(networkId: string): Promise<void> {
    return this.#oneByOne(networkId, async () => {
      if (this.#context().ledger.engineNetworksOf(networkId).length > 0) return;
      await this.#cluster.leaveNetwork(networkId);
      await this.#removeUnused(networkId).catch((error: unknown) => {
        // Somebody has it still, or the store has just gone.
        if (!['IN_USE', 'UNAVAILABLE'].includes(NetworkError.from(error).code)) throw error;
      });
    });
  }

  /** Follows the ledger, where a call could not. */
  settle(): void {
    if (!this.#cluster.mayWrite) return;
    const { ledger } = this.#context();
    const { directory, self } = this.#cluster;
    const joined = new Set([...ledger.engineNetworks.values()].map(({ networkId }) => networkId));
    for (const id of joined) {
      if (ledger.networks.get(id)?.record.cluster === 'told' && directory.joined.get(id)?.has(self) !== true && !this.#running.has(id)) void this.join(id).catch(() => {});
    }
    for (const [id, hosts] of directory.joined) if (hosts.has(self) && !joined.has(id) && !this.#running.has(id)) void this.leave(id).catch(() => {});
  }

  async #oneByOne(networkId: string, task: () => Promise<void>): Promise<void> {
    const before = this.#running.get(networkId) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(task);
    this.#running.set(networkId, turn);
    try {
      await turn;
    } finally {
      if (this.#running.get(networkId) === turn) this.#running.delete(networkId);
    }
  }
}
