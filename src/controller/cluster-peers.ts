import type { HostRecord } from '../cluster/records.ts';
import { ClusterTunnel } from './cluster-tunnel.ts';
import type { Context } from './context.ts';
import { PEERS_KEY, type MembershipRecord } from './records.ts';
import { adjustTunnels } from './tunnels.ts';

/** The other hosts that may send here. They are written down: a daemon that starts while the store is away goes on with those it knew. */
export class ClusterPeers {
  readonly tunnel: ClusterTunnel = new ClusterTunnel();
  #peers: readonly HostRecord[] = [];

  /** Plain addresses. */
  get addresses(): readonly string[] {
    return this.#peers.map(({ address }) => address);
  }

  /** Names of those to which nothing can be sent encrypted. */
  get withoutKeys(): readonly string[] {
    return this.#peers.filter(({ wireguard }) => wireguard === undefined).map(({ name }) => name);
  }

  /** Those of an earlier life. @param own what this host was @param instance its id */
  recall(peers: readonly HostRecord[], own: MembershipRecord | undefined, instance: string): void {
    this.#peers = peers;
    this.tunnel.recall(own, instance);
    this.tunnel.follow(peers);
  }

  /** Has them written down and let in. To be called in a turn. @param hosts those that count @param self id of this one */
  async follow(context: Context, hosts: Iterable<HostRecord>, self: string): Promise<void> {
    const peers = [...hosts].filter(({ id }) => id !== self).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    if (JSON.stringify(peers) === JSON.stringify(this.#peers)) return;
    this.#peers = peers;
    this.tunnel.follow(peers);
    await context.store.commit([{ key: PEERS_KEY, value: peers }]);
    await adjustTunnels(context);
  }
}
