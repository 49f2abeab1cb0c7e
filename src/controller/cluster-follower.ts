import type { Reach } from '../../drivers/driver.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { News } from '../cluster/directory.ts';
import type { HostRecord, SharedEndpoint } from '../cluster/records.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { ClusterAddresses } from './cluster-addresses.ts';
import { ClusterHosts } from './cluster-hosts.ts';
import type { ClusterLoans } from './cluster-loans.ts';
import { networkRequest } from './cluster-networks.ts';
import type { ClusterPeers } from './cluster-peers.ts';
import { ClusterReach } from './cluster-reach.ts';
import { noteShared } from './cluster-sharing.ts';
import type { Context, InTurn } from './context.ts';
import { fittingEndpoint } from './fitting-endpoint.ts';
import { createSpanning } from './joined-networks.ts';
import { removeNetwork } from './networks.ts';
import type { NetworkRecord } from './records.ts';
import { plainAddresses } from './services.ts';
import { adjustSurroundings } from './surroundings.ts';
import { Unfollowed } from './unfollowed.ts';
import { networkChange } from './wanted.ts';

/** With whom a {@link ClusterFollower} follows. */
export interface Followers {
  readonly inTurn: InTurn;
  readonly addresses: ClusterAddresses;
  readonly loans: ClusterLoans;
}

/** Makes true on this host what the cluster has. */
export class ClusterFollower implements Disposable {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  readonly #peers: ClusterPeers;
  readonly #hosts: ClusterHosts;
  readonly #reach: ClusterReach;
  /** Why networks of the cluster are not here, by their ids. */
  readonly #lacking = new Map<string, string>();
  /** Networks that the cluster has no more, and that stay because of endpoints here. */
  readonly #occupied = new Set<string>();
  /** Ids of networks that a daemon was making when it ended: the others may have heard of them, or not. */
  readonly #unfinished = new Set<string>();
  #followers: Followers | undefined;
  #pending: Unfollowed | undefined;
  /** Hosts and endpoints of which the kernel would not hear: nobody tells them again. */
  #missed: Unfollowed | undefined;
  /** Why not, as it was said: it is not said again at each try. */
  #said = '';
  #wasRead = false;

  constructor(context: () => Context, cluster: Cluster, peers: ClusterPeers) {
    this.#context = context;
    this.#cluster = cluster;
    this.#peers = peers;
    this.#hosts = new ClusterHosts(cluster.directory, {
      changed: (id) => this.#touchHost(id),
      lost: ({ name }) => this.#context().events.warn(`host ${quote(name)} is lost: its endpoints are withdrawn until it is back`),
    });
    this.#reach = new ClusterReach(cluster.directory, this.#hosts.all);
  }

  /** Begins. What is heard before is not followed. */
  start(followers: Followers): void {
    this.#followers = followers;
  }

  [Symbol.dispose](): void {
    this.#followers = undefined;
    this.#hosts[Symbol.dispose]();
  }

  /** Why networks of the cluster are not here, a sentence each. */
  get problems(): readonly string[] {
    return [...this.#lacking.values()];
  }

  /** Hosts that count, by their ids. */
  get hosts(): ReadonlyMap<string, HostRecord> {
    return this.#hosts.all;
  }

  /** Hosts and networks of an earlier life. */
  recall(hosts: readonly HostRecord[]): void {
    this.#hosts.recall(hosts);
    for (const { record } of this.#context().ledger.networks.values()) if (record.cluster === 'untold') this.#unfinished.add(record.id);
  }

  /** Something changed in the store. */
  hear({ hosts, networks, endpoints, blocks, claims }: News): void {
    if (this.#followers === undefined) return;
    const pending = (this.#pending ??= this.#schedule(this.#followers));
    for (const id of networks) pending.networks.add(id);
    for (const [networkId, ids] of endpoints) pending.touch(networkId, ids);
    for (const id of blocks) pending.blocks.add(id);
    for (const key of claims) pending.claims.add(key);
    for (const id of hosts) this.#hosts.hear(id);
  }

  /** The store answers, for the first time or again. */
  resume(): void {
    // Servers that answer have not told anything yet.
    if (this.#followers === undefined || !this.#cluster.isReachable) return;
    this.#answerLate(this.#followers);
    if (this.#wasRead) return;
    this.#wasRead = true;
    this.#hosts.missed();
    // What was removed from the cluster while no daemon ran here is in no news.
    const pending = (this.#pending ??= this.#schedule(this.#followers));
    for (const { record } of this.#context().ledger.networks.values()) if (record.cluster === 'told' || this.#unfinished.has(record.id)) pending.networks.add(record.id);
  }

  /** What could not be had here, or not be reached, is tried again: what was in its way may be gone. */
  tryAgain(): void {
    const missed = this.#missed;
    if (this.#followers === undefined || (this.#lacking.size === 0 && missed === undefined)) return;
    const pending = (this.#pending ??= this.#schedule(this.#followers));
    for (const id of this.#lacking.keys()) pending.networks.add(id);
    this.#missed = undefined;
    if (missed !== undefined) pending.addTraffic(missed);
  }

  /** Follows the ledger: what stayed because of its endpoints goes when it has none. */
  settle(): void {
    const { ledger } = this.#context();
    for (const id of this.#occupied) {
      if (this.#followers === undefined || ledger.endpointsOfNetwork(id).length > 0) continue;
      this.#occupied.delete(id);
      this.#pending ??= this.#schedule(this.#followers);
      this.#pending.networks.add(id);
    }
  }

  /** Has every network here that the cluster has. @throws {NetworkError} UNAVAILABLE, also where one of this name cannot be had here */
  async catchUp(name: string): Promise<void> {
    await this.#cluster.catchUp();
    const id = [...this.#cluster.directory.networks.values()].find((network) => network.name === name)?.id;
    if (id === undefined) return;
    await this.#followers?.inTurn(async ({ ledger }) => {
      if (ledger.networks.has(id)) return;
      await this.#followNetwork(id);
      await this.#followReaches(new Map([[id, new Set()]]));
    });
    const lacking = this.#lacking.get(id);
    if (lacking !== undefined) throw new NetworkError('UNAVAILABLE', lacking);
  }

  /** What others asked for while this host could not answer, or had no place yet. */
  #answerLate(followers: Followers): void {
    const { claims, recalls } = this.#cluster.directory;
    const open = [...claims].filter(([, { record }]) => record.answer === undefined);
    if (open.length === 0 && recalls.size === 0) return;
    const pending = (this.#pending ??= this.#schedule(followers));
    for (const [key] of open) pending.claims.add(key);
    for (const id of recalls.keys()) pending.blocks.add(id);
  }

  #touchHost(id: string): void {
    if (this.#followers === undefined) return;
    const pending = (this.#pending ??= this.#schedule(this.#followers));
    pending.hosts = true;
    for (const endpoint of this.#cluster.directory.endpointsOfHost.get(id)?.values() ?? []) pending.touch(endpoint.networkId, [endpoint.id]);
  }

  /** What is heard until it is our turn is followed at once. */
  #schedule(followers: Followers): Unfollowed {
    void followers.inTurn(() => this.#follow(followers)).catch((error: unknown) => this.#warn(error));
    return new Unfollowed();
  }

  async #follow({ addresses, loans }: Followers): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    const areMany = pending.networks.size > 1;
    for (const id of pending.networks) await this.#followNetwork(id, areMany);
    for (const id of pending.networks) {
      pending.touch(id);
      pending.blocks.add(id);
    }
    if (await this.#attempt(() => this.#followTraffic(pending, areMany))) this.#said = '';
    else (this.#missed ??= new Unfollowed()).addTraffic(pending);
    for (const id of pending.blocks) await this.#attempt(() => addresses.follow(id));
    await this.#attempt(() => loans.follow(pending.claims));
  }

  /** What fails keeps nothing else from being followed. @returns whether it did not */
  async #attempt(part: () => Promise<void>): Promise<boolean> {
    try {
      await part();
      return true;
    } catch (error) {
      this.#warn(error);
      return false;
    }
  }

  #warn(error: unknown): void {
    const { code, message } = NetworkError.from(error);
    if (code !== 'ABORTED' && message !== this.#said) this.#context().events.warn(`the cluster is not followed: ${message}`);
    this.#said = message;
  }

  /** What the kernel has to know: the other hosts, and what is behind them. */
  async #followTraffic(pending: Unfollowed, areMany: boolean): Promise<void> {
    const context = this.#context();
    if (areMany) await adjustSurroundings(context);
    // Before what they have: the first packet is not to be lost.
    if (pending.hosts) await this.#peers.follow(context, this.#hosts.all.values(), this.#cluster.host());
    // Peers of the tunnel that all of these share.
    const encrypted = pending.hosts ? [...context.ledger.networks.values()].filter(({ driver }) => driver.isEncrypted === true) : [];
    for (const { record } of encrypted) pending.touch(record.id);
    await this.#followReaches(pending.reaches);
  }

  async #followNetwork(id: string, isOneOfMany = false): Promise<void> {
    const context = this.#context();
    const shared = this.#cluster.directory.networks.get(id);
    const live = context.ledger.networks.get(id);
    this.#lacking.delete(id);
    this.#occupied.delete(id);
    try {
      if (shared !== undefined && live === undefined) {
        const settled = { vni: String(shared.vni), mtu: String(shared.mtu) };
        await createSpanning(context, networkRequest(shared), { id, settled, isOneOfMany, fields: { cluster: 'told' } });
      } else if (shared === undefined && live?.record.cluster === 'told') {
        await removeNetwork(context, id);
        // It may have been in the way of another one.
        this.tryAgain();
      } else if (live?.record.cluster === 'untold' && this.#wasRead && this.#unfinished.delete(id)) {
        await this.#finish(context, live.record, shared !== undefined);
      }
    } catch (error) {
      const name = shared?.name ?? live?.record.name ?? id;
      if (shared === undefined && NetworkError.from(error).code === 'IN_USE') this.#occupied.add(id);
      this.#note(id, `network '${name}' of the cluster ${shared === undefined ? 'is gone, and stays here' : 'cannot be had here'}: ${NetworkError.from(error).message}`);
    }
  }

  /** Whoever asked for it has had no answer. What an engine asked for is the engine's to give up, or to ask for again. */
  async #finish(context: Context, record: NetworkRecord, isShared: boolean): Promise<void> {
    if (isShared) return noteShared(context, record);
    if (context.ledger.engineNetworksOf(record.id).length > 0) return;
    await removeNetwork(context, record.id);
    // Another host may have made one of that name.
    this.tryAgain();
  }

  async #followReaches(ids: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const { ledger, applier } = this.#context();
    for (const id of ids.keys()) if (!ledger.networks.has(id)) this.#reach.drop(id);
    const here = [...ids.keys()].filter((id) => ledger.networks.has(id));
    const before = new Map(here.map((id) => [id, ledger.remotes.reach(id)]));
    for (const id of here) {
      const { driver, record } = ledger.network(id);
      const fits = this.#reporting(record, fittingEndpoint(record));
      const { reach, named } = this.#reach.follow(id, ids.get(id) ?? [], this.#cluster.self, this.#peers.tunnel.ends(driver, this.#cluster.host().address), fits);
      ledger.remotes.set(id, reach, named);
    }
    const untold = new Set(here.filter((id) => before.get(id)?.others === undefined));
    const changed = here.filter((id) => !untold.has(id) && !isSame(before.get(id), ledger.remotes.reach(id)));
    const [first, again] = [[...untold], changed].map((part) => part.map((id) => networkChange(ledger, id)));
    // What went while no daemon ran stands in the kernel still, and in nothing that was applied.
    if (first !== undefined && first.length > 0) await applier.converge(first);
    if (again !== undefined && again.length > 0) await applier.transition(again, { onFailure: 'forward' });
  }

  /** The same, which says what does not fit. */
  #reporting({ name }: NetworkRecord, fits: (endpoint: SharedEndpoint) => boolean): typeof fits {
    const said = new Set<string>();
    return (endpoint) => {
      if (fits(endpoint)) return true;
      const [own = ''] = endpoint.names;
      if (!said.has(endpoint.id)) this.#context().events.warn(`passed over in the cluster’s store: endpoint ${quote(own)} of host ${endpoint.hostId} has ${plainAddresses(endpoint).join(' and ')}, which no endpoint of network ${quote(name)} can have`);
      said.add(endpoint.id);
      return false;
    };
  }

  #note(about: string, message: string): void {
    if (this.#lacking.get(about) !== message) this.#context().events.warn(message);
    this.#lacking.set(about, message);
  }
}

/** Names alone are no matter of the kernel's. */
function isSame(before: Reach | undefined, after: Reach | undefined): boolean {
  return before?.local === after?.local && before?.tunnel === after?.tunnel && before?.others === after?.others;
}
