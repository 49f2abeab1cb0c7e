import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { SharedStore, StoreSkew } from '../store/shared-store.ts';
import type { Directory, News } from './directory.ts';
import { refuseFixed, refuseUnlisted } from './fixed-file.ts';
import { forgetHost, lostHosts } from './lost-hosts.ts';
import { Membership } from './membership.ts';
import { Mirror } from './mirror.ts';
import { Outbox } from './outbox.ts';
import { Problems } from './problems.ts';
import type { HostRecord, SharedEndpoint, SharedNetwork } from './records.ts';
import { answerClaim, borrowBlock, claimAddress, dropClaim, recallBlocks, returnBlocks, type BlockWish, type Lending } from './lending.ts';
import { joinNetwork, leaveNetwork } from './joining.ts';
import { SUBNETS_KEY } from './keys.ts';
import { clearLeftovers, shareNetwork, unshareNetwork } from './shared-networks.ts';
import type { Cidr } from '../common/cidr.ts';
import type { ClaimRecord } from './records.ts';

/** How long a host is waited for that has to agree, ms. */
const PATIENCE = 5_000;
/** And hosts that hold addresses which they may not need, ms. */
const RECALL_PATIENCE = 1_000;

/** What a cluster is made of. Who made the store closes it. */
export interface ClusterParts {
  readonly store: SharedStore;
  /** This host, as it is whenever it takes its place. */
  readonly host: () => HostRecord;
  /** The file in which networks, hosts and blocks stand; left out where hosts write them into the store. */
  readonly file?: string;
  /** What is wrong with that file now, a sentence. */
  readonly problem?: () => string | undefined;
}

/** Who hears of a cluster. */
export interface ClusterListener {
  /** Something changed in the store. */
  readonly follow: (news: News) => void;
  /** The store can be read and written, for the first time or again. */
  readonly reachable: () => void;
  /** Something is wrong, or right again: a sentence. */
  readonly report: (message: string) => void;
}

/**
 * What the hosts of a cluster know of each other, and what this one tells the others. All of it goes
 * through one store; while that is away, what is known stays true and what is to be told waits.
 */
export class Cluster implements AsyncDisposable {
  /** This host. */
  readonly host: () => HostRecord;
  /** Its id. */
  readonly self: string;
  /** As {@link ClusterParts.file}. */
  readonly file: string | undefined;
  readonly #problem: () => string | undefined;
  readonly #store: SharedStore;
  readonly #mirror: Mirror;
  readonly #membership: Membership;
  readonly #outbox: Outbox;
  readonly #problems: Problems;
  #clocks: Disposable | undefined;
  /** Undefined before the first answer. */
  #hasPlace: boolean | undefined;

  constructor({ store, host, file, problem }: ClusterParts, { follow, reachable, report }: ClusterListener) {
    this.#store = store;
    this.#problems = new Problems(report);
    this.host = host;
    this.self = host().id;
    this.file = file;
    this.#problem = problem ?? (() => undefined);
    this.#mirror = new Mirror(store, {
      follow: (news) => {
        for (const sentence of news.nonsense) report(`passed over in the cluster’s store: ${sentence}`);
        follow(news);
        this.#outbox.hear(news);
      },
      lost: (error) => this.#problems.note('store', `the cluster’s store cannot be read (${error.message}): traffic and names go on as they are`),
      found: () => {
        this.#problems.settle('store');
        this.#outbox.wake();
        reachable();
      },
    });
    this.#membership = new Membership(store, this.#mirror, host, {
      joined: () => {
        this.#hasPlace = true;
        this.#problems.settle('place');
        this.#outbox.wake();
        reachable();
      },
      refused: (error) => {
        // A store that is away has not given the place to anybody else.
        if (error.code === 'IN_USE') this.#hasPlace = false;
        this.#problems.note('place', `this host is not among the others: ${error.message}`);
      },
    });
    this.#outbox = new Outbox(store, this.#mirror, this.self, () => this.mayWrite, (error) => {
      if (error === undefined) this.#problems.settle('outbox');
      else this.#problems.note('outbox', `the others do not hear of endpoints here: ${error.message}`);
    });
  }

  /** Everything that is known of the others. */
  get directory(): Directory {
    return this.#mirror.directory;
  }

  /** Whether the store can be read now. */
  get isReachable(): boolean {
    return this.#mirror.isCurrent;
  }

  /** Whether this host can write down in the store what it has, and may: another one could have its id. */
  get mayWrite(): boolean {
    return this.isReachable && this.#hasPlace === true;
  }

  /** Sixteen hex digits of the servers, eight of the store in them; of a file its path, and eight hex digits of what stands in it. */
  get id(): string {
    if (this.file !== undefined) return `static://${this.file} (${this.#store.instanceId})`;
    return `${this.#store.clusterId}-${this.#store.instanceId}`;
  }

  /** Ids of hosts that are gone and have left something behind. */
  lostHosts(): string[] {
    return lostHosts(this.directory);
  }

  /** @throws as {@link forgetHost} */
  async forgetHost(reference: string): Promise<void> {
    this.requireStore();
    this.#refuseFixed(`host ${reference} cannot be forgotten`);
    await forgetHost(this.#store, this.#mirror, reference);
  }

  /** What is wrong, a sentence each. */
  get problems(): readonly string[] {
    const problem = this.#problem();
    return [...this.#problems.all, ...(problem === undefined ? [] : [problem])];
  }

  /** Begins to read, and takes this host's place among the others. */
  start(): void {
    this.#clocks = this.#store.onSkew((skew) => this.#compareClocks(skew));
    this.#compareClocks(this.#store.skew);
    this.#mirror.start();
    this.#membership.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clocks?.[Symbol.dispose]();
    await this.#outbox[Symbol.asyncDispose]();
    await this.#membership[Symbol.asyncDispose]();
    await this.#mirror[Symbol.asyncDispose]();
  }

  /** @throws as {@link shareNetwork} */
  async shareNetwork(network: SharedNetwork, signal?: AbortSignal): Promise<void> {
    this.requireSharing(network.name);
    await shareNetwork(this.#store, this.#mirror, network, signal);
    // Who takes addresses of it next decides from the directory. If that cannot hear of it now, whoever asks is told.
    await this.catchUp(signal).catch(() => {});
  }

  /** @throws as {@link unshareNetwork} */
  async unshareNetwork(id: string, signal?: AbortSignal): Promise<void> {
    this.requireStore();
    this.#refuseFixed(`network ${quote(this.directory.networks.get(id)?.name ?? id)} cannot be removed here alone`);
    await recallBlocks(this.#lending, id, RECALL_PATIENCE);
    await unshareNetwork(this.#store, this.#mirror, id, this.self, signal);
  }

  /** @throws as {@link clearLeftovers} */
  clearLeftovers(networkId: string): Promise<void> {
    return clearLeftovers(this.#store, this.#mirror, networkId, this.self);
  }

  /** The engine of this host has a network, or has it no more. @throws as {@link joinNetwork} */
  async joinNetwork(id: string, signal?: AbortSignal): Promise<void> {
    this.requireStore();
    await joinNetwork(this.#lending, id, signal);
  }

  /** @throws as {@link leaveNetwork} */
  async leaveNetwork(id: string, signal?: AbortSignal): Promise<void> {
    this.requireStore();
    await leaveNetwork(this.#lending, id, signal);
  }

  /** Resolves when every network is known that was there before the call. @throws {NetworkError} UNAVAILABLE, ABORTED */
  async catchUp(signal?: AbortSignal): Promise<void> {
    this.requireStore();
    await this.#mirror.reaches((await this.#store.get(SUBNETS_KEY))?.revision ?? 0, signal);
  }

  /** Has other hosts give back what they do not need of a network's addresses. @throws {NetworkError} UNAVAILABLE */
  async recallBlocks(networkId: string): Promise<void> {
    this.requireStore();
    if (this.file === undefined) await recallBlocks(this.#lending, networkId, RECALL_PATIENCE);
  }

  /** @throws as {@link borrowBlock} */
  async borrowBlock(wish: BlockWish, signal?: AbortSignal): Promise<Cidr | undefined> {
    this.requireStore();
    this.#refuseAddress(wish);
    return borrowBlock(this.#lending, wish, signal);
  }

  /** @throws as {@link returnBlocks} */
  returnBlocks(networkId: string, blocks: readonly string[]): Promise<void> {
    return returnBlocks(this.#lending, networkId, blocks);
  }

  /** @throws as {@link claimAddress} */
  async claimAddress(networkId: string, address: string, signal?: AbortSignal): Promise<void> {
    this.requireStore();
    this.#refuseAddress({ networkId, address });
    await claimAddress(this.#lending, networkId, address, PATIENCE, signal);
  }

  /** @throws {NetworkError} UNAVAILABLE */
  dropClaim(networkId: string, address: string): Promise<void> {
    return dropClaim(this.#lending, networkId, address);
  }

  /** @throws {NetworkError} UNAVAILABLE */
  answerClaim(key: string, answer: Pick<ClaimRecord, 'answer' | 'reason'>): Promise<void> {
    return answerClaim(this.#lending, key, answer);
  }

  /** What the others are to know of endpoints here, by key, where it is something else than before; undefined: nothing more. */
  tell(changes: ReadonlyMap<string, SharedEndpoint | undefined>): void {
    this.#outbox.want(changes);
  }

  /** Resolves when the others have been told, or cannot be for now. */
  told(): Promise<void> {
    return this.#outbox.settled();
  }

  /** @throws {NetworkError} UNAVAILABLE while the store cannot be read; FORBIDDEN where networks stand in a file */
  requireSharing(name: string): void {
    this.requireStore();
    this.#refuseFixed(`network ${quote(name)} cannot be made for all hosts by a command`);
  }

  /** @throws {NetworkError} UNAVAILABLE where another host has the place of this one: what this one may give is that one's */
  requirePlace(): void {
    if (this.#hasPlace === false) throw new NetworkError('UNAVAILABLE', this.#problems.of('place') ?? 'another host has the place of this one');
  }

  /** @throws {NetworkError} UNAVAILABLE while the store cannot be read */
  requireStore(): void {
    // Whoever is not among the others is told nothing, and gives nothing.
    const refusal = this.#problems.of('place');
    if (this.isReachable && refusal !== undefined) throw new NetworkError('UNAVAILABLE', refusal);
    if (!this.isReachable) throw new NetworkError('UNAVAILABLE', this.#problems.of('store') ?? 'the cluster’s store has not answered yet: try again in a moment');
  }

  #refuseFixed(what: string): void {
    if (this.file !== undefined) refuseFixed(this.file, what);
  }

  #refuseAddress({ networkId, address }: Pick<BlockWish, 'networkId' | 'address'>): void {
    if (this.file !== undefined) refuseUnlisted(this.file, this.directory, networkId, address);
  }

  get #lending(): Lending {
    return { store: this.#store, mirror: this.#mirror, self: this.self };
  }

  #compareClocks(skew: StoreSkew | undefined): void {
    if (skew === undefined) return this.#problems.settle('clock');
    const { server, ahead } = skew;
    const seconds = String(Math.round(Math.abs(ahead) / 1000));
    this.#problems.note('clock', `the clock of this host is ${seconds} s ${ahead > 0 ? 'behind' : 'ahead of'} that of ${server}: addresses and leases do not depend on it, certificates and logs do; set the wrong one right (timedatectl set-ntp true)`);
  }
}
