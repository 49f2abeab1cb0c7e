import type { Reach, Tunnel } from '../../drivers/driver.ts';
import { Cluster, type ClusterParts } from '../cluster/cluster.ts';
import type { HostRecord } from '../cluster/records.ts';
import { parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { macFromUser } from '../common/mac.ts';
import { quote } from '../common/quote.ts';
import { vxlanOverhead } from '../common/vxlan-overhead.ts';
import { ClusterAddresses } from './cluster-addresses.ts';
import { ClusterFollower } from './cluster-follower.ts';
import { ClusterJoins } from './cluster-joins.ts';
import { ClusterLoans } from './cluster-loans.ts';
import { oversizedNetworks } from './cluster-mtu.ts';
import { ClusterPeers } from './cluster-peers.ts';
import { ClusterSharing } from './cluster-sharing.ts';
import { clusterView, remoteEndpointViews, type ClusterView } from './cluster-shown.ts';
import { ClusterTelling } from './cluster-telling.ts';
import { tunnelOverhead } from './cluster-tunnel.ts';
import { freeVni } from './cluster-view.ts';
import type { Context, InTurn } from './context.ts';
import { takeTouched } from './ledger.ts';
import type { MembershipRecord, NetworkRecord } from './records.ts';
import type { ConnectRequest } from './requests.ts';
import type { RemoteEndpointView } from './views.ts';

/** What there is once the controller serves requests. */
interface Running {
  readonly addresses: ClusterAddresses;
  readonly joins: ClusterJoins;
  readonly sharing: ClusterSharing;
  readonly telling: ClusterTelling;
}

/**
 * This host's part in a cluster: what the others have is made true here, and they are told what this host has. The store is
 * always spoken with outside of the controller's turn.
 */
export class ClusterKeeper implements AsyncDisposable {
  readonly #context: () => Context;
  readonly #cluster: Cluster | undefined;
  /** That of which this is a rehearsal. */
  #model: Cluster | undefined;
  readonly #peers = new ClusterPeers();
  readonly #follower: ClusterFollower | undefined;
  #running: Running | undefined;

  constructor(context: () => Context, parts: ClusterParts | undefined) {
    this.#context = context;
    if (parts === undefined) return;
    this.#cluster = new Cluster(parts, {
      follow: (news) => this.#follower?.hear(news),
      reachable: () => {
        this.#follower?.resume();
        this.settle();
      },
      report: (message) => this.#context().events.warn(message),
    });
    this.#follower = new ClusterFollower(context, this.#cluster, this.#peers);
  }

  /** Begins. Before this, as in a rehearsal, nobody is told anything. @param exclusive gives a task its turn */
  start(exclusive: <T>(task: () => Promise<T>) => Promise<T>): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    const inTurn: InTurn = async (task) => {
      if (this.#running === undefined) throw new NetworkError('ABORTED', 'the controller was closed');
      return exclusive(() => task(this.#context()));
    };
    const sharing = new ClusterSharing(this.#context, cluster, inTurn);
    const addresses = new ClusterAddresses(this.#context, cluster, exclusive);
    const joins = new ClusterJoins(this.#context, cluster, (id) => sharing.removeUnused(id));
    this.#running = { addresses, joins, sharing, telling: new ClusterTelling(this.#context, cluster) };
    this.#follower?.start({ inTurn, addresses, loans: new ClusterLoans(this.#context, cluster) });
    cluster.start();
    this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running = undefined;
    this.#follower?.[Symbol.dispose]();
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
  get view(): { readonly mtu: number; readonly encryptedMtu?: number; readonly vni: number; readonly reaches: readonly string[] } | undefined {
    const cluster = this.#cluster ?? this.#model;
    if (cluster === undefined) return undefined;
    const { directory } = cluster;
    const hosts = [...directory.hosts.values()];
    const self = cluster.host();
    const mtu = Math.min(self.mtu, ...hosts.map((host) => host.mtu));
    // In tunnels, hosts have IPv6 addresses.
    const tunnel = this.#peers.tunnel.state;
    const encrypted = tunnel === undefined ? {} : { encryptedMtu: mtu - tunnelOverhead(self.address) - vxlanOverhead(tunnel.address) };
    return { mtu: mtu - vxlanOverhead(self.address), ...encrypted, vni: freeVni(directory, this.#context().random), reaches: hosts.flatMap(({ id, reaches }) => (id === self.id ? [] : reaches)) };
  }

  /** A new network is known to have nothing elsewhere. */
  begin(networkId: string): void {
    const cluster = this.#cluster ?? this.#model;
    if (cluster !== undefined) this.#reach(networkId, cluster.host().address, { others: { hosts: [], endpoints: [] } });
  }

  /** Plain addresses of the hosts that may send here. */
  get peers(): readonly string[] {
    return this.#peers.addresses;
  }

  /** How encrypted networks reach them; undefined where this host has no key. */
  get tunnel(): Tunnel | undefined {
    return this.#peers.tunnel.state;
  }

  /** Those of an earlier life. @param own what this host was then; its networks of the cluster are so again */
  recall(peers: readonly HostRecord[], own: MembershipRecord | undefined): void {
    const { ledger, store } = this.#context();
    this.#peers.recall(peers, own, store.instanceId);
    this.#follower?.recall(peers);
    for (const { record } of ledger.networks.values()) if (record.cluster !== undefined && own !== undefined) this.#reach(record.id, own.address, {});
  }

  /** What is wrong, a sentence each. */
  problems(): string[] {
    const networks = [...this.#context().ledger.networks.values()].filter(({ record }) => record.cluster !== undefined);
    const encrypted = networks.some(({ driver }) => driver.isEncrypted === true);
    const left = encrypted ? this.#peers.withoutKeys.map((name) => `host ${quote(name)} takes no part in encrypted networks: its kernel has no WireGuard (modprobe wireguard, then restart its daemon), or its daemon is older`) : [];
    const oversized = oversizedNetworks(networks, [...(this.#cluster?.directory.hosts.values() ?? [])]);
    if (this.#cluster !== undefined) return [...this.#cluster.problems, ...(this.#follower?.problems ?? []), ...this.#peers.problems, ...(this.#running?.addresses.problems() ?? []), ...left, ...oversized];
    return networks.map(({ record }) => `network '${record.name}' reaches no other host: this daemon is in no cluster (--cluster)`);
  }

  /** What is known of the cluster. @throws {NetworkError} NOT_FOUND where there is none */
  show(): ClusterView {
    return clusterView(this.#required(), this.#follower?.hosts ?? new Map(), this.problems());
  }

  /** Endpoints of a network on other hosts; undefined where it has none because it is of this host alone. */
  elsewhere({ id, cluster }: NetworkRecord): readonly RemoteEndpointView[] | undefined {
    return cluster === undefined || this.#cluster === undefined ? undefined : remoteEndpointViews(this.#cluster, this.#follower?.hosts ?? new Map(), id);
  }

  /** Gives up what a lost host had. @throws {NetworkError} NOT_FOUND, IN_USE (it is there), UNAVAILABLE */
  async forget(reference: string): Promise<void> {
    await this.#required().forgetHost(reference);
  }

  /** Has addresses there for endpoints to be. @throws as {@link ClusterAddresses.provide} */
  async provide(requests: readonly ConnectRequest[], signal?: AbortSignal): Promise<Disposable> {
    return (await this.#running?.addresses.provide(requests, signal)) ?? new DisposableStack();
  }

  /** The same for one address of one subnet of a network. @throws as {@link ClusterAddresses.provideIn} */
  async provideIn(networkId: string, subnet: string, address: string | undefined, signal?: AbortSignal): Promise<Disposable> {
    return (await this.#running?.addresses.provideIn(networkId, subnet, address, signal)) ?? new DisposableStack();
  }

  /** Has every network here that the cluster has. @throws {NetworkError} UNSUPPORTED without a cluster, UNAVAILABLE */
  async catchUp(name: string): Promise<void> {
    if (this.#follower === undefined) throw new NetworkError('UNSUPPORTED', 'this host is in no cluster: start its daemon with --cluster etcd://HOST:2379');
    await this.#follower.catchUp(name);
  }

  /** @throws as {@link ClusterJoins.join} */
  async join(networkId: string): Promise<void> {
    await this.#running?.joins.join(networkId);
  }

  /** @throws as {@link ClusterJoins.leave} */
  async leave(networkId: string): Promise<void> {
    await this.#running?.joins.leave(networkId);
  }

  /** @throws {NetworkError} FORBIDDEN for an address that another host may give */
  requireOurs(networkId: string, address: string): void {
    if (this.#running === undefined || this.#running.addresses.isOurs(networkId, address)) return;
    throw new NetworkError('FORBIDDEN', `address ${address} is not this host's to give, and no other host has agreed to it`);
  }

  /** @throws as {@link ClusterSharing.requireStaying} */
  requireStaying(network: NetworkRecord): void {
    this.#running?.sharing.requireStaying(network);
  }

  /** Before a network is made: whether the others can be told. @throws {NetworkError} UNAVAILABLE, FORBIDDEN where networks stand in a file */
  requireSharing(name: string): void {
    (this.#cluster ?? this.#model)?.requireSharing(name);
  }

  /**
   * To be called with a MAC address that somebody chose. Frames go to one host for each: neither of two on different ones would be reached.
   * @throws {NetworkError} EXISTS for that of an endpoint on another host; FORBIDDEN where the other hosts know only those that follow from addresses
   */
  requireFreeMac(network: NetworkRecord, wanted: string | undefined): void {
    if (network.cluster === undefined || wanted === undefined) return;
    const { name } = network;
    const mac = macFromUser(wanted);
    const other = this.elsewhere(network)?.find((endpoint) => endpoint.mac === mac);
    if (other !== undefined) throw new NetworkError('EXISTS', `MAC address ${mac} is that of ${quote(other.name ?? other.id.slice(0, 12))} on host ${quote(other.host)} in network ${quote(name)}: choose another, or leave it out`);
    const file = (this.#cluster ?? this.#model)?.file;
    if (file === undefined) return;
    throw new NetworkError('FORBIDDEN', `MAC address ${wanted} cannot be had in network ${quote(name)}: the hosts of ${file} know each other's endpoints by the MAC addresses that follow from their addresses; leave it out`);
  }

  /** @throws as {@link ClusterSharing.share} */
  async share(id: string, signal?: AbortSignal): Promise<void> {
    await this.#running?.sharing.share(id, signal);
  }

  /** Takes a network away from all hosts; one with endpoints here stays. @throws as {@link ClusterSharing.unshare}; UNAVAILABLE where this daemon is in no cluster */
  async unshare(id: string, signal?: AbortSignal): Promise<void> {
    const { ledger } = this.#context();
    const record = ledger.networks.get(id)?.record;
    if (this.#model !== undefined || record?.cluster !== 'told' || ledger.endpointsOfNetwork(id).length > 0) return;
    if (this.#cluster === undefined) throw new NetworkError('UNAVAILABLE', `network ${quote(record.name)} is one of a cluster, and this daemon is in none: start it with --cluster`);
    await this.#running?.sharing.unshare(id, signal);
  }

  /** Follows the ledger: the others are told what has changed here. */
  settle(): void {
    // Nobody is to be told.
    if (this.#cluster === undefined) takeTouched(this.#context().ledger.untold);
    if (this.#running === undefined) return;
    this.#running.addresses.settle();
    this.#running.joins.settle();
    this.#running.telling.settle();
    this.#follower?.settle();
  }

  /** What could not be had here is tried again: what was in its way may be gone. */
  tryAgain(): void {
    this.#follower?.tryAgain();
  }

  /** Resolves when the others have been told, or cannot be for now. */
  async told(): Promise<void> {
    await this.#cluster?.told();
  }

  #reach(networkId: string, address: string, { others }: Pick<Reach, 'others'>): void {
    const { ledger } = this.#context();
    const { local, tunnel } = this.#peers.tunnel.ends(ledger.network(networkId).driver, address);
    ledger.remotes.set(networkId, { local, ...(tunnel === undefined ? {} : { tunnel }), ...(others === undefined ? {} : { others }) });
  }

  #required(): Cluster {
    if (this.#cluster === undefined) throw new NetworkError('NOT_FOUND', 'this host is in no cluster: start its daemon with --cluster etcd://HOST:2379');
    return this.#cluster;
  }
}
