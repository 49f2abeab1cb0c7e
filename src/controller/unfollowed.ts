/** What changed in the cluster and has not been followed yet. */
export class Unfollowed {
  readonly networks: Set<string> = new Set();
  /** Ids of endpoints by network. */
  readonly reaches: Map<string, Set<string>> = new Map();
  readonly blocks: Set<string> = new Set();
  readonly claims: Set<string> = new Set();
  hosts = false;

  /** Endpoints of a network are to be looked at; with none, only where the network's traffic goes at all. */
  touch(networkId: string, ids: Iterable<string> = []): void {
    const known = this.reaches.get(networkId) ?? new Set();
    for (const id of ids) known.add(id);
    this.reaches.set(networkId, known);
  }

  /** The hosts and endpoints of another one are to be followed with these. */
  addTraffic({ hosts, reaches }: Unfollowed): void {
    this.hosts ||= hosts;
    for (const [networkId, ids] of reaches) this.touch(networkId, ids);
  }
}
