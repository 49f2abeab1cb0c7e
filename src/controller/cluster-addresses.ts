import type { Cluster } from '../cluster/cluster.ts';
import { claimKey } from '../cluster/keys.ts';
import { ownerOf } from '../cluster/lending.ts';
import { canonicalAddress, formatAddress, parseAddress } from '../common/address.ts';
import { contains, containsCidr, formatCidr, overlaps, parseCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Context } from './context.ts';
import { HeldBlocks } from './held-blocks.ts';
import type { BlockRecord, NetworkRecord, SubnetRecord } from './records.ts';
import type { ConnectRequest } from './requests.ts';
import { plainAddresses } from './services.ts';

/** A block is taken ahead when fewer addresses are left than this: attaches go on while the store is away. */
const AHEAD = 4n;

/**
 * Addresses of networks that span hosts. Before an endpoint takes its addresses, in the controller's turn
 * and without asking anybody, this host has made sure that there are some of its own to take.
 */
export class ClusterAddresses {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  readonly #exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  readonly #held: HeldBlocks;
  /** How many endpoints are about to take an address, by subnet. */
  readonly #demand = new Map<string, bigint>();
  /** One host asks for one block of a network at a time. */
  readonly #borrowing = new Map<string, Promise<void>>();
  /** Blocks just taken, by network and block: the store has not told of them yet. */
  readonly #unheard = new Set<string>();
  /** Addresses of other hosts that are about to be taken here, by network and address. */
  readonly #claimed = new Set<string>();

  /** @param exclusive gives a task its turn */
  constructor(context: () => Context, cluster: Cluster, exclusive: <T>(task: () => Promise<T>) => Promise<T>) {
    this.#context = context;
    this.#cluster = cluster;
    this.#held = new HeldBlocks(context, cluster);
    this.#exclusive = exclusive;
  }

  /**
   * Has addresses there for endpoints to be.
   * @returns to be disposed when they have them, or never will
   * @throws {NetworkError} EXHAUSTED, EXISTS (another host's, and taken), UNAVAILABLE (the store, or the host that has it), ABORTED
   */
  async provide(requests: readonly ConnectRequest[], signal?: AbortSignal): Promise<Disposable> {
    const stack = new DisposableStack();
    try {
      for (const request of requests) {
        const record = this.#spanning(request.network);
        if (record === undefined) continue;
        this.#cluster.requirePlace();
        await this.#catchUp(record);
        for (const [subnets, wanted] of [[record.ipv4, request.ipv4], [record.ipv6, request.ipv6]] as const) {
          if (wanted !== undefined) await this.#obtain(stack, record, subnets, canonicalAddress(wanted), signal);
          else if (subnets.length > 0) await this.#reserve(stack, record, subnets, signal);
        }
      }
      return stack;
    } catch (error) {
      stack.dispose();
      throw error;
    }
  }

  /**
   * The same for one address of one subnet of a network.
   * @param address plain; default any
   */
  async provideIn(networkId: string, subnet: string, address: string | undefined, signal?: AbortSignal): Promise<Disposable> {
    const stack = new DisposableStack();
    try {
      const record = this.#spanning(networkId);
      if (record !== undefined) this.#cluster.requirePlace();
      if (record !== undefined) await this.#catchUp(record);
      const subnets = record === undefined ? [] : [...record.ipv4, ...record.ipv6].filter((one) => one.subnet === subnet);
      if (record !== undefined && address !== undefined) await this.#obtain(stack, record, subnets, canonicalAddress(address), signal);
      else if (record !== undefined) await this.#reserve(stack, record, subnets, signal);
      return stack;
    } catch (error) {
      stack.dispose();
      throw error;
    }
  }

  /** Endpoints with addresses that are not this host's to give any more, a sentence each. */
  problems(): string[] {
    const { ledger } = this.#context();
    const { file } = this.#cluster;
    if (file === undefined && !this.#cluster.isReachable) return [];
    const giver = file ?? 'the cluster’s store';
    const wayOut = file === undefined ? 'another host may give it too; disconnect and connect it' : 'no other host reaches it; disconnect and connect it, or give the block back';
    return [...ledger.endpoints.values()].flatMap((endpoint) => {
      const network = ledger.networks.get(endpoint.networkId)?.record;
      const strayed = network?.cluster === undefined ? undefined : plainAddresses(endpoint).find((address) => !this.isOurs(endpoint.networkId, address));
      return strayed === undefined ? [] : [`endpoint '${endpoint.name}' of network '${network?.name ?? ''}' has ${strayed}, which ${giver} does not give to this host any more: ${wayOut}`];
    });
  }

  /** Whether an address is this host's to give. */
  isOurs(networkId: string, address: string): boolean {
    const claim = this.#cluster.directory.claims.get(claimKey(networkId, address))?.record;
    return (claim?.hostId === this.#cluster.self && claim.answer === 'granted') || this.#held.contains(networkId, address);
  }

  /**
   * Follows the ledger: more addresses where few are left, so that none are lacking when the store is away; none of
   * another host's that nobody has here.
   */
  settle(): void {
    const { ledger, addresses } = this.#context();
    if (!this.#cluster.mayWrite) return;
    for (const { record } of ledger.networks.values()) {
      if (record.cluster !== 'told' || this.#held.of(record.id).length === 0 || this.#cluster.file !== undefined) continue;
      for (const { subnet, block } of this.#unknown(record.id)) {
        const wish = { networkId: record.id, subnet: parseCidr(subnet), address: firstAddress(block) };
        void this.#cluster.borrowBlock(wish).catch(() => {});
      }
      for (const subnets of [record.ipv4, record.ipv6]) if (subnets.length > 0 && this.#left(subnets) < AHEAD && !this.#borrowing.has(keyOf(record, subnets))) void this.#borrow(record, subnets).catch(() => {});
    }
    for (const { record } of this.#cluster.directory.claims.values()) {
      if (record.hostId !== this.#cluster.self || this.#claimed.has(`${record.networkId} ${record.address}`)) continue;
      const address = parseAddress(record.address);
      const isUsed = ledger.networks.has(record.networkId) && addresses.poolOf(address)?.ownerOf(address) !== undefined;
      if (!isUsed) void this.#cluster.dropClaim(record.networkId, record.address).catch(() => {});
    }
  }

  /** Blocks that the store says are ours, and what somebody asks for back. To be called in a turn. */
  async follow(networkId: string): Promise<void> {
    const { ledger } = this.#context();
    const live = ledger.networks.get(networkId);
    const { directory, self } = this.#cluster;
    // Whoever removed the network did not come to the end.
    if (live === undefined && !directory.networks.has(networkId)) void this.#cluster.clearLeftovers(networkId).catch(() => {});
    if (live?.record.cluster === undefined) return;
    const theirs = this.#allotted(networkId);
    for (const block of theirs) this.#unheard.delete(`${networkId} ${block}`);
    // Taken in an earlier life, which ended before it was written down.
    for (const block of theirs) {
      const subnet = [...live.record.ipv4, ...live.record.ipv6].find((one) => containsCidr(parseCidr(one.subnet), parseCidr(block)))?.subnet;
      if (subnet !== undefined && !this.#held.isReturning(networkId, block)) await this.#held.add(live.record, subnet, block);
    }
    // Where blocks stand in a file, what is not there any more is nothing to give from.
    if (this.#cluster.file !== undefined) await this.#held.keepOnly(live.record, theirs);
    else await this.#giveUp(live.record);
    const asked = directory.recalls.get(networkId);
    const idle = ledger.endpointsOfNetwork(networkId).length === 0 && this.#ofEngines(networkId).length === 0 && [...ledger.loans.values()].every((loan) => loan.networkId !== networkId) && !this.#isWanted(live.record);
    if (asked !== undefined && asked.hostId !== self && idle && this.#cluster.mayWrite) await this.#held.giveBack(live.record);
  }

  /**
   * Blocks that this host holds and the store knows nothing of: it was restored from an older backup, or this host was given up for lost. What
   * nobody has taken since is written down there again.
   */
  #unknown(networkId: string): readonly BlockRecord[] {
    const theirs = this.#allotted(networkId);
    return this.#held.of(networkId).filter(({ block }) => !theirs.includes(block) && !this.#unheard.has(`${networkId} ${block}`));
  }

  /** Nothing more is given from what is another host's by now. */
  async #giveUp(record: NetworkRecord): Promise<void> {
    const { directory, self } = this.#cluster;
    const others = [...(directory.blocks.get(record.id)?.values() ?? [])].filter((other) => other.record.hostId !== self).map((other) => parseCidr(other.record.block));
    const lost = this.#unknown(record.id).filter(({ block }) => others.some((other) => overlaps(other, parseCidr(block))));
    if (lost.length === 0) return;
    const kept = this.#held.of(record.id).filter((block) => !lost.includes(block));
    await this.#held.keepOnly(record, kept.map(({ block }) => block));
    this.#context().events.warn(`${lost.map(({ block }) => block).join(', ')} of network ${quote(record.name)} is another host's by now, as the cluster’s store says: this host gives no address of it any more`);
  }

  /** A network that has just come is there before its blocks are. */
  async #catchUp({ id }: NetworkRecord): Promise<void> {
    const held = this.#held.of(id);
    const isBehind = this.#allotted(id).some((block) => !this.#held.isReturning(id, block) && held.every((known) => known.block !== block));
    if (isBehind) await this.#exclusive(() => this.follow(id));
  }

  /** Blocks, CIDR, that the store says are ours. */
  #allotted(networkId: string): string[] {
    const { directory, self } = this.#cluster;
    return [...(directory.blocks.get(networkId)?.values() ?? [])].filter(({ record }) => record.hostId === self).map(({ record }) => record.block);
  }

  #isWanted({ ipv4, ipv6 }: NetworkRecord): boolean {
    return [...ipv4, ...ipv6].some(({ subnet }) => (this.#demand.get(subnet) ?? 0n) > 0n);
  }

  /** Addresses that engines have asked for; their endpoints come later. */
  #ofEngines(networkId: string): string[] {
    return [...this.#context().ledger.pools.values()].flatMap((pool) => (pool.networkId === networkId ? Object.keys(pool.addresses) : []));
  }

  #spanning(reference: string): NetworkRecord | undefined {
    const { ledger } = this.#context();
    try {
      const { record } = ledger.network(reference);
      return record.cluster === undefined ? undefined : record;
    } catch {
      // Whoever takes addresses says what is wrong with it.
      return undefined;
    }
  }

  async #reserve(stack: DisposableStack, record: NetworkRecord, subnets: readonly SubnetRecord[], signal: AbortSignal | undefined): Promise<void> {
    const key = subnets[0]?.subnet ?? '';
    const add = (count: bigint): void => void this.#demand.set(key, (this.#demand.get(key) ?? 0n) + count);
    add(1n);
    stack.defer(() => add(-1n));
    while (this.#left(subnets) < (this.#demand.get(key) ?? 0n)) {
      if (signal?.aborted === true) throw new NetworkError('ABORTED', `given up while addresses of network ${quote(record.name)} were to be had`);
      if (await this.#borrow(record, subnets)) continue;
      await this.#cluster.recallBlocks(record.id);
      if (await this.#borrow(record, subnets)) continue;
      const held = [...(this.#cluster.directory.blocks.get(record.id)?.values() ?? [])].map((block) => this.#cluster.directory.hosts.get(block.record.hostId)?.name ?? block.record.hostId);
      if (this.#left(subnets) > 0n) return;
      throw new NetworkError('EXHAUSTED', `no block of ${subnets.map(({ subnet }) => subnet).join(', ')} is left for this host: network ${quote(record.name)} is shared out among ${[...new Set(held)].join(', ')}; make a larger network, or remove what they do not need`);
    }
  }

  /** @returns whether there are more addresses now */
  async #borrow(record: NetworkRecord, subnets: readonly SubnetRecord[], address?: string): Promise<boolean> {
    const key = keyOf(record, subnets);
    for (let running = this.#borrowing.get(key); running !== undefined; running = this.#borrowing.get(key)) {
      await running;
      if (address === undefined || this.isOurs(record.id, address)) return true;
    }
    const task = this.#take(record, subnets, address);
    // How it ends is for whoever asked; the others only wait for it.
    const settled = Promise.allSettled([task]).then(() => void this.#borrowing.delete(key));
    this.#borrowing.set(key, settled);
    return task;
  }

  async #take(record: NetworkRecord, subnets: readonly SubnetRecord[], address: string | undefined): Promise<boolean> {
    for (const { subnet, range } of subnets) {
      const cidr = parseCidr(subnet);
      if (address !== undefined && !contains(cidr, parseAddress(address))) continue;
      const block = await this.#cluster.borrowBlock({ networkId: record.id, subnet: cidr, ...(range === undefined || address !== undefined ? {} : { range: parseCidr(range) }), ...(address === undefined ? {} : { address }) });
      if (block === undefined) continue;
      this.#unheard.add(`${record.id} ${formatCidr(block)}`);
      await this.#exclusive(() => this.#held.add(record, subnet, formatCidr(block)));
      return true;
    }
    return false;
  }

  /** One address, wherever it comes from. */
  async #obtain(stack: DisposableStack, record: NetworkRecord, subnets: readonly SubnetRecord[], address: string, signal: AbortSignal | undefined): Promise<void> {
    const isInside = subnets.some(({ subnet }) => contains(parseCidr(subnet), parseAddress(address)));
    if (!isInside || this.isOurs(record.id, address)) return;
    this.#cluster.requireStore();
    if (ownerOf(this.#cluster.directory, record.id, address) === undefined && (await this.#borrow(record, subnets, address))) return;
    // The store may have said already that the block is ours, which is not written down here yet.
    await Promise.all([...this.#borrowing].flatMap(([borrowing, task]) => (borrowing.startsWith(`${record.id} `) ? [task] : [])));
    if (this.isOurs(record.id, address)) return;
    const key = `${record.id} ${address}`;
    this.#claimed.add(key);
    stack.defer(() => void this.#claimed.delete(key));
    await this.#cluster.claimAddress(record.id, address, signal);
  }

  #left(subnets: readonly SubnetRecord[]): bigint {
    const { addresses } = this.#context();
    return subnets.reduce((sum, { subnet }) => sum + (addresses.pool(parseCidr(subnet))?.counts.automatic ?? 0n), 0n);
  }
}

/** Plain. */
function firstAddress(block: string): string {
  const { family, base } = parseCidr(block);
  return formatAddress({ family, value: base });
}

function keyOf({ id }: NetworkRecord, [first]: readonly SubnetRecord[]): string {
  return `${id} ${first?.subnet ?? ''}`;
}
