import type { HostRecord } from '../cluster/records.ts';
import { familyOf } from '../common/address.ts';
import { quote } from '../common/quote.ts';
import { ClusterTunnel } from './cluster-tunnel.ts';
import type { Context } from './context.ts';
import { PEERS_KEY, type MembershipRecord } from './records.ts';
import { adjustTunnels } from './tunnels.ts';

/** The other hosts that may send here. They are written down: a daemon that starts while the store is away goes on with those it knew. */
export class ClusterPeers {
  readonly tunnel: ClusterTunnel = new ClusterTunnel();
  #peers: readonly HostRecord[] = [];
  #own: string | undefined;
  /** Whether the kernel has heard of them. */
  #areIn = true;

  /** Plain addresses. */
  get addresses(): readonly string[] {
    return this.#peers.map(({ address }) => address);
  }

  /** Names of those to which nothing can be sent encrypted. */
  get withoutKeys(): readonly string[] {
    return this.#peers.filter(({ wireguard }) => wireguard === undefined).map(({ name }) => name);
  }

  /** What is wrong with them, a sentence each. */
  get problems(): readonly string[] {
    const own = this.#own;
    const others = own === undefined ? [] : this.#peers.filter(({ address }) => familyOf(address) !== familyOf(own));
    if (own === undefined || others.length === 0) return [];
    const named = others.map(({ name, address }) => `${quote(name)} (${address})`).join(', ');
    return [`this host advertises ${own}, and ${named} an address of the other family: VXLAN needs one for all, so nothing goes between them and this one in networks that are not encrypted; choose other addresses with --advertise`];
  }

  /** Those of an earlier life. @param own what this host was @param instance its id */
  recall(peers: readonly HostRecord[], own: MembershipRecord | undefined, instance: string): void {
    this.#peers = peers;
    this.tunnel.recall(own, instance);
    this.tunnel.follow(peers);
  }

  /** Has them written down and let in. To be called in a turn. @param hosts those that count @param self this one */
  async follow(context: Context, hosts: Iterable<HostRecord>, self: HostRecord): Promise<void> {
    const before = this.problems.join();
    this.#own = self.address;
    const peers = [...hosts].filter(({ id }) => id !== self.id).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    if (this.#areIn && JSON.stringify(peers) === JSON.stringify(this.#peers)) return;
    this.#areIn = false;
    this.#peers = peers;
    this.tunnel.follow(peers);
    for (const problem of this.problems) if (problem !== before) context.events.warn(problem);
    await context.store.commit([{ key: PEERS_KEY, value: peers }]);
    await adjustTunnels(context);
    this.#areIn = true;
  }
}
