import { Cluster, type ClusterParts } from '../cluster/cluster.ts';
import type { News } from '../cluster/directory.ts';
import type { HostRecord } from '../cluster/records.ts';
import { parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { ClusterAddresses } from './cluster-addresses.ts';
import { ClusterHosts } from './cluster-hosts.ts';
import { ClusterJoins } from './cluster-joins.ts';
import { ClusterLoans } from './cluster-loans.ts';
import { networkRequest, sharedEndpoint, sharedNetwork } from './cluster-networks.ts';
import { elsewhere } from './cluster-reach.ts';
import type { ClusterHostView, ClusterView } from './cluster-shown.ts';
import { freeVni, overheadOf } from './cluster-view.ts';
import type { Context } from './context.ts';
import { createSpanning } from './joined-networks.ts';
import { networkKey, openNetwork, removeNetwork } from './networks.ts';
import { PEERS_KEY, type NetworkRecord } from './records.ts';
import type { ConnectRequest } from './requests.ts';
import { adjustTunnels } from './surroundings.ts';
import { networkChange } from './wanted.ts';

/** What changed and has not been followed yet. */
interface Pending {
  readonly networks: Set<string>;
  readonly reaches: Set<string>;
  readonly blocks: Set<string>;
  readonly claims: Set<string>;
}

/**
 * Makes true on this host what the cluster has, and tells the cluster what this host has. The store is
 * always spoken with outside of the controller's turn.
 */
export class ClusterKeeper implements AsyncDisposable {
  readonly #context: () => Context;
  readonly #cluster: Cluster | undefined;
  /** That of which this is a rehearsal. */
  #model: Cluster | undefined;
  readonly #hosts: ClusterHosts | undefined;
  /** Why networks of the cluster are not here, by their ids. */
  readonly #lacking = new Map<string, string>();
  readonly #leaving = new Set<string>();
  #wasRead = false;
  #peers: readonly HostRecord[] = [];
  #pending: Pending | undefined;
  #addresses: ClusterAddresses | undefined;
  #loans: ClusterLoans | undefined;
  #joins: ClusterJoins | undefined;
  #exclusive: (<T>(task: () => Promise<T>) => Promise<T>) | undefined;

  constructor(context: () => Context, parts: ClusterParts | undefined) {
    this.#context = context;
    this.#cluster =
      parts === undefined
        ? undefined
        : new Cluster(parts, { follow: (news) => this.#hear(news), reachable: () => this.#resume(), report: (message) => this.#context().events.warn(message) });
    this.#hosts =
      this.#cluster === undefined
        ? undefined
        : new ClusterHosts(this.#cluster.directory, {
            changed: (id) => this.#touchHost(id),
            lost: ({ name }) => this.#context().events.warn(`host '${name}' is lost: its endpoints are withdrawn until it is back`),
          });
  }

  /** Begins. Before this, as in a rehearsal, nobody is told anything. @param exclusive gives a task its turn */
  start(exclusive: <T>(task: () => Promise<T>) => Promise<T>): void {
    this.#exclusive = exclusive;
    if (this.#cluster === undefined) return;
    this.#addresses = new ClusterAddresses(this.#context, this.#cluster, exclusive);
    this.#loans = new ClusterLoans(this.#context, this.#cluster);
    this.#joins = new ClusterJoins(this.#context, this.#cluster, (id) => this.#removeUnused(id));
    this.#cluster.start();
    this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#exclusive = undefined;
    this.#hosts?.[Symbol.dispose]();
    await this.#cluster?.[Symbol.asyncDispose]();
  }

  /** Takes over what another one knows: a rehearsal finds addresses and numbers as that one would. */
  assume(other: ClusterKeeper): void {
    const { ledger, addresses } = this.#context();
    this.#model = other.#cluster;
    for (const { record } of ledger.networks.values()) {
      if (record.cluster === undefined || ledger.blocks.has(record.id)) continue;
      for (const { subnet } of [...record.ipv4, ...record.ipv6]) addresses.pool(parseCidr(subnet))?.allot([parseCidr(subnet)]);
    }
  }

  /** What a new network is to know of the cluster; undefined where there is none. */
  get view(): { readonly mtu: number; readonly vni: number; readonly reaches: readonly string[] } | undefined {
    const cluster = this.#cluster ?? this.#model;
    if (cluster === undefined) return undefined;
    const { directory } = cluster;
    const hosts = [...directory.hosts.values()];
    const self = cluster.host();
    const mtu = Math.min(self.mtu, ...hosts.map((host) => host.mtu)) - overheadOf(self.address);
    return { mtu, vni: freeVni(directory, this.#context().random), reaches: hosts.flatMap(({ id, reaches }) => (id === self.id ? [] : reaches)) };
  }

  /** A new network is known to have nothing elsewhere. */
  begin(networkId: string): void {
    const cluster = this.#cluster ?? this.#model;
    if (cluster !== undefined) this.#context().ledger.remotes.set(networkId, { local: cluster.host().address, others: { hosts: [], endpoints: [] } }, []);
  }

  /** Plain addresses of the hosts that may send here. */
  get peers(): readonly string[] {
    return this.#peers.map(({ address }) => address);
  }

  /** Those of an earlier life. */
  recall(peers: readonly HostRecord[]): void {
    this.#peers = peers;
    this.#hosts?.recall(peers);
  }

  /** What is wrong, a sentence each. */
  problems(): string[] {
    const { ledger } = this.#context();
    if (this.#cluster !== undefined) return [...this.#cluster.problems, ...this.#lacking.values()];
    const networks = [...ledger.networks.values()].filter(({ record }) => record.cluster !== undefined);
    return networks.map(({ record }) => `network '${record.name}' reaches no other host: this daemon is in no cluster (--cluster)`);
  }

  /** What is known of the cluster. @throws {NetworkError} NOT_FOUND where there is none */
  show(): ClusterView {
    const cluster = this.#required();
    const { directory, self } = cluster;
    const count = (id: string): number => directory.endpointsOfHost.get(id)?.size ?? 0;
    const present = [...directory.hosts.values()].map(({ id, name, address, mtu }): ClusterHostView => ({ id, name, address, mtu, state: id === self ? 'here' : 'there', endpoints: count(id) }));
    const lost = cluster.lostHosts().map((id): ClusterHostView => ({ id, name: this.#hosts?.all.get(id)?.name ?? '', address: '', mtu: 0, state: 'lost', endpoints: count(id) }));
    return { id: cluster.id, isReachable: cluster.isReachable, self, hosts: [...present, ...lost].toSorted((a, b) => (a.name < b.name ? -1 : 1)), problems: this.problems() };
  }

  /** Gives up what a lost host had. @throws {NetworkError} NOT_FOUND, IN_USE (it is there), UNAVAILABLE */
  async forget(reference: string): Promise<void> {
    await this.#required().forgetHost(reference);
  }

  /** Has addresses there for endpoints to be. @throws as {@link ClusterAddresses.provide} */
  async provide(requests: readonly ConnectRequest[], signal?: AbortSignal): Promise<Disposable> {
    return (await this.#addresses?.provide(requests, signal)) ?? new DisposableStack();
  }

  /** The same for one address of one subnet of a network. @throws as {@link ClusterAddresses.provideIn} */
  async provideIn(networkId: string, subnet: string, address: string | undefined, signal?: AbortSignal): Promise<Disposable> {
    return (await this.#addresses?.provideIn(networkId, subnet, address, signal)) ?? new DisposableStack();
  }

  /** Has every network here that the cluster has. @throws {NetworkError} UNSUPPORTED without a cluster, UNAVAILABLE */
  async catchUp(name: string): Promise<void> {
    if (this.#cluster === undefined) throw new NetworkError('UNSUPPORTED', 'this host is in no cluster: start its daemon with --cluster etcd://HOST:2379');
    await this.#cluster.catchUp();
    const id = [...this.#cluster.directory.networks.values()].find((network) => network.name === name)?.id;
    if (id === undefined) return;
    await this.#inTurn(async ({ ledger }) => {
      if (ledger.networks.has(id)) return;
      await this.#followNetwork(id);
      await this.#followReaches(new Set([id]));
    });
    const lacking = this.#lacking.get(id);
    if (lacking !== undefined) throw new NetworkError('UNAVAILABLE', lacking);
  }

  /** @throws as {@link ClusterJoins.join} */
  async join(networkId: string): Promise<void> {
    await this.#joins?.join(networkId);
  }

  /** @throws as {@link ClusterJoins.leave} */
  async leave(networkId: string): Promise<void> {
    await this.#joins?.leave(networkId);
  }

  /** @throws {NetworkError} FORBIDDEN for an address that another host may give */
  requireOurs(networkId: string, address: string): void {
    if (this.#addresses === undefined || this.#addresses.isOurs(networkId, address)) return;
    throw new NetworkError('FORBIDDEN', `address ${address} is not this host's to give, and no other host has agreed to it`);
  }

  /** @throws {NetworkError} UNAVAILABLE for a network that is being removed from the cluster */
  requireStaying({ id, name }: NetworkRecord): void {
    if (this.#leaving.has(id)) throw new NetworkError('UNAVAILABLE', `network ${quote(name)} is being removed from the cluster`);
  }

  /** Before a network is made: whether the others can be told. @throws {NetworkError} UNAVAILABLE */
  requireStore(): void {
    (this.#cluster ?? this.#model)?.requireStore();
  }

  /** Makes a new network known to all hosts. @throws {NetworkError} EXISTS, IN_USE, UNAVAILABLE: then it should not be here either */
  async share(id: string, signal?: AbortSignal): Promise<void> {
    const { ledger } = this.#context();
    const live = ledger.networks.get(id);
    if (this.#cluster === undefined || this.#exclusive === undefined || live?.record.cluster !== 'untold') return;
    await this.#cluster.shareNetwork(sharedNetwork(live), signal);
    await this.#inTurn(async ({ store }) => {
      const record: NetworkRecord = { ...(ledger.networks.get(id)?.record ?? live.record), cluster: 'told' };
      await store.commit([{ key: networkKey(id), value: record }]);
      ledger.networks.set(id, openNetwork(this.#context(), record));
    });
  }

  /** Takes a network away from all hosts; it is to be removed here then. @throws {NetworkError} IN_USE naming the hosts that have endpoints, UNAVAILABLE */
  async unshare(id: string, signal?: AbortSignal): Promise<void> {
    const { ledger } = this.#context();
    const live = ledger.networks.get(id);
    if (this.#model !== undefined || live?.record.cluster !== 'told' || ledger.endpointsOfNetwork(id).length > 0) return;
    if (this.#cluster === undefined) throw new NetworkError('UNAVAILABLE', `network ${quote(live.record.name)} is one of a cluster, and this daemon is in none: start it with --cluster`);
    this.#leaving.add(id);
    try {
      await this.#cluster.unshareNetwork(id, signal);
    } finally {
      this.#leaving.delete(id);
    }
  }

  /** Follows the ledger: the others are told what has changed here. */
  settle(): void {
    if (this.#cluster === undefined || this.#exclusive === undefined) return;
    const { ledger } = this.#context();
    const { self } = this.#cluster;
    const networks = [...ledger.networks.values()].filter(({ record }) => record.cluster !== undefined);
    this.#addresses?.settle();
    this.#joins?.settle();
    this.#cluster.tell(networks.flatMap(({ record }) => ledger.endpointsOfNetwork(record.id).map((endpoint) => sharedEndpoint(ledger, endpoint, self))));
  }

  /** What could not be had here is tried again: what was in its way may be gone. */
  tryAgain(): void {
    if (this.#exclusive === undefined || this.#lacking.size === 0) return;
    const pending = (this.#pending ??= this.#schedule());
    for (const id of this.#lacking.keys()) pending.networks.add(id);
  }

  /** Resolves when the others have been told, or cannot be for now. */
  async told(): Promise<void> {
    await this.#cluster?.told();
  }

  /** What an engine had asked for goes when no engine has it any more. */
  async #removeUnused(id: string): Promise<void> {
    const { ledger } = this.#context();
    const record = ledger.networks.get(id)?.record;
    if (record?.madeBy !== 'engine' || ledger.engineNetworksOf(id).length > 0 || ledger.endpointsOfNetwork(id).length > 0) return;
    await this.unshare(id);
    await this.#inTurn(async (context) => void (ledger.networks.has(id) && (await removeNetwork(context, id))));
  }

  #required(): Cluster {
    if (this.#cluster === undefined) throw new NetworkError('NOT_FOUND', 'this host is in no cluster: start its daemon with --cluster etcd://HOST:2379');
    return this.#cluster;
  }

  #hear({ hosts, networks, endpoints, blocks, claims }: News): void {
    if (this.#exclusive === undefined) return;
    const pending = (this.#pending ??= this.#schedule());
    for (const id of networks) pending.networks.add(id);
    for (const id of endpoints) pending.reaches.add(id);
    for (const id of blocks) pending.blocks.add(id);
    for (const key of claims) pending.claims.add(key);
    for (const id of hosts) this.#hosts?.hear(id);
  }

  #resume(): void {
    // Servers that answer have not told anything yet.
    if (!this.#wasRead && this.#exclusive !== undefined && this.#cluster?.isReachable === true) {
      this.#wasRead = true;
      this.#hosts?.missed();
      this.#missNetworks();
    }
    this.settle();
  }

  /** What was removed from the cluster while no daemon ran here is in no news. */
  #missNetworks(): void {
    const pending = (this.#pending ??= this.#schedule());
    for (const { record } of this.#context().ledger.networks.values()) if (record.cluster === 'told') pending.networks.add(record.id);
  }

  #touchHost(id: string): void {
    if (this.#exclusive === undefined) return;
    const { reaches } = (this.#pending ??= this.#schedule());
    for (const { networkId } of (this.#cluster as Cluster).directory.endpointsOfHost.get(id)?.values() ?? []) reaches.add(networkId);
  }

  /** What is heard until it is our turn is followed at once. */
  #schedule(): Pending {
    void this.#inTurn(() => this.#follow()).catch((error: unknown) => {
      const { code, message } = NetworkError.from(error);
      if (code !== 'ABORTED') this.#context().events.warn(`the cluster is not followed: ${message}`);
    });
    return { networks: new Set(), reaches: new Set(), blocks: new Set(), claims: new Set() };
  }

  async #follow(): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    for (const id of pending.networks) await this.#followNetwork(id);
    await this.#followPeers();
    await this.#followReaches(new Set([...pending.networks, ...pending.reaches]));
    for (const id of pending.blocks) await this.#addresses?.follow(id);
    await this.#loans?.follow(pending.claims);
  }

  /** Before what they have: the first packet is not to be lost. */
  async #followPeers(): Promise<void> {
    const context = this.#context();
    const { self } = this.#cluster as Cluster;
    const peers = [...(this.#hosts?.all.values() ?? [])].filter(({ id }) => id !== self).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    if (JSON.stringify(peers) === JSON.stringify(this.#peers)) return;
    this.#peers = peers;
    await context.store.commit([{ key: PEERS_KEY, value: peers }]);
    await adjustTunnels(context);
  }

  async #followNetwork(id: string): Promise<void> {
    const context = this.#context();
    const shared = this.#cluster?.directory.networks.get(id);
    const live = context.ledger.networks.get(id);
    this.#lacking.delete(id);
    try {
      if (shared !== undefined && live === undefined) {
        const settled = { vni: String(shared.vni), mtu: String(shared.mtu) };
        await createSpanning(context, networkRequest(shared), { id, settled, fields: { cluster: 'told' } });
      } else if (shared === undefined && live?.record.cluster === 'told') {
        await removeNetwork(context, id);
      }
    } catch (error) {
      const name = shared?.name ?? live?.record.name ?? id;
      this.#note(id, `network '${name}' of the cluster ${shared === undefined ? 'is gone, and stays here' : 'cannot be had here'}: ${NetworkError.from(error).message}`);
    }
  }

  async #followReaches(ids: ReadonlySet<string>): Promise<void> {
    const { ledger, applier } = this.#context();
    const cluster = this.#cluster as Cluster;
    const here = [...ids].filter((id) => ledger.networks.has(id));
    const untold = new Set(here.filter((id) => ledger.remotes.reach(id)?.others === undefined));
    for (const id of here) {
      const { reach, named } = elsewhere(cluster.directory, id, cluster.host(), this.#hosts?.all ?? new Map());
      ledger.remotes.set(id, reach, named);
    }
    const [first, again] = [here.filter((id) => untold.has(id)), here.filter((id) => !untold.has(id))].map((part) => part.map((id) => networkChange(ledger, id)));
    // What went while no daemon ran stands in the kernel still, and in nothing that was applied.
    if (first !== undefined && first.length > 0) await applier.converge(first);
    if (again !== undefined && again.length > 0) await applier.transition(again, { onFailure: 'forward' });
  }

  #note(about: string, message: string): void {
    if (this.#lacking.get(about) !== message) this.#context().events.warn(message);
    this.#lacking.set(about, message);
  }

  async #inTurn<T>(task: (context: Context) => Promise<T>): Promise<T> {
    if (this.#exclusive === undefined) throw new NetworkError('ABORTED', 'the controller was closed');
    return this.#exclusive(() => task(this.#context()));
  }
}
