import type { HostRecord } from '../cluster/records.ts';
import type { Context } from './context.ts';
import { PEERS_KEY } from './records.ts';
import { adjustTunnels } from './surroundings.ts';

/** The other hosts that may send here. They are written down: a daemon that starts while the store is away goes on with those it knew. */
export class ClusterPeers {
  #peers: readonly HostRecord[] = [];

  /** Plain addresses. */
  get addresses(): readonly string[] {
    return this.#peers.map(({ address }) => address);
  }

  /** Those of an earlier life. */
  recall(peers: readonly HostRecord[]): void {
    this.#peers = peers;
  }

  /** Has them written down and let in. To be called in a turn. @param hosts those that count @param self id of this one */
  async follow(context: Context, hosts: Iterable<HostRecord>, self: string): Promise<void> {
    const peers = [...hosts].filter(({ id }) => id !== self).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    if (JSON.stringify(peers) === JSON.stringify(this.#peers)) return;
    this.#peers = peers;
    await context.store.commit([{ key: PEERS_KEY, value: peers }]);
    await adjustTunnels(context);
  }
}
