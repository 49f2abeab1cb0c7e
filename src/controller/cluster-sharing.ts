import type { Cluster } from '../cluster/cluster.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { sharedNetwork } from './cluster-networks.ts';
import type { Context, InTurn } from './context.ts';
import { networkKey, openNetwork, removeNetwork } from './networks.ts';
import type { NetworkRecord } from './records.ts';

/** The others know of a network. To be called in a turn. */
export async function noteShared(context: Context, network: NetworkRecord): Promise<void> {
  const record: NetworkRecord = { ...network, cluster: 'told' };
  await context.store.commit([{ key: networkKey(record.id), value: record }]);
  context.ledger.networks.set(record.id, openNetwork(context, record));
}

/** Networks that become the cluster's, and those that are it no more. */
export class ClusterSharing {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  readonly #inTurn: InTurn;
  readonly #leaving = new Set<string>();

  constructor(context: () => Context, cluster: Cluster, inTurn: InTurn) {
    this.#context = context;
    this.#cluster = cluster;
    this.#inTurn = inTurn;
  }

  /** @throws {NetworkError} UNAVAILABLE for a network that is being removed from the cluster */
  requireStaying({ id, name }: NetworkRecord): void {
    if (this.#leaving.has(id)) throw new NetworkError('UNAVAILABLE', `network ${quote(name)} is being removed from the cluster`);
  }

  /** Makes a new network known to all hosts. @throws {NetworkError} EXISTS, IN_USE, UNAVAILABLE: then it should not be here either */
  async share(id: string, signal?: AbortSignal): Promise<void> {
    const { ledger } = this.#context();
    const live = ledger.networks.get(id);
    if (live?.record.cluster !== 'untold') return;
    await this.#cluster.shareNetwork(sharedNetwork(live), signal);
    await this.#inTurn((context) => noteShared(context, ledger.networks.get(id)?.record ?? live.record));
  }

  /** Takes a network away from all hosts; it is to be removed here then. @throws {NetworkError} IN_USE naming the hosts that have endpoints, UNAVAILABLE */
  async unshare(id: string, signal?: AbortSignal): Promise<void> {
    this.#leaving.add(id);
    try {
      await this.#cluster.unshareNetwork(id, signal);
    } finally {
      this.#leaving.delete(id);
    }
  }

  /** What an engine had asked for goes when no engine has it any more. @throws as {@link unshare} */
  async removeUnused(id: string): Promise<void> {
    const { ledger } = this.#context();
    const record = ledger.networks.get(id)?.record;
    if (record?.cluster !== 'told' || record.madeBy !== 'engine' || ledger.engineNetworksOf(id).length > 0 || ledger.endpointsOfNetwork(id).length > 0) return;
    await this.unshare(id);
    await this.#inTurn(async (context) => void (ledger.networks.has(id) && (await removeNetwork(context, id))));
  }
}
