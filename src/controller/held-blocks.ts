import type { Cluster } from '../cluster/cluster.ts';
import { parseAddress } from '../common/address.ts';
import { contains, parseCidr } from '../common/cidr.ts';
import { allotBlocks } from './cluster-networks.ts';
import type { Context } from './context.ts';
import { blockRecordKey, type BlockRecord, type NetworkRecord } from './records.ts';

/**
 * The blocks of networks that span hosts which this one gives addresses from. They are written down here too, so
 * that they are known after a restart, whether or not the cluster's store is there.
 */
export class HeldBlocks {
  readonly #context: () => Context;
  readonly #cluster: Cluster;
  /** Those that are being given back, by network and block. */
  readonly #returning = new Set<string>();

  constructor(context: () => Context, cluster: Cluster) {
    this.#context = context;
    this.#cluster = cluster;
  }

  /** Those of a network. */
  of(networkId: string): readonly BlockRecord[] {
    return this.#context().ledger.blocks.get(networkId) ?? [];
  }

  /** Whether an address is in one of them. @param address plain */
  contains(networkId: string, address: string): boolean {
    const wanted = parseAddress(address);
    return this.of(networkId).some(({ block }) => contains(parseCidr(block), wanted));
  }

  /** Whether a block, CIDR, is on its way back to the store. */
  isReturning(networkId: string, block: string): boolean {
    return this.#returning.has(keyOf(networkId, block));
  }

  /** One more, CIDR, of a subnet. Written down before anything of it is given. To be called in a turn. */
  async add(network: NetworkRecord, subnet: string, block: string): Promise<void> {
    const { ledger, store } = this.#context();
    const held = this.of(network.id);
    if (!ledger.networks.has(network.id) || held.some((known) => known.block === block)) return;
    const value: BlockRecord = { id: `${network.id}/${block}`, networkId: network.id, subnet, block };
    await store.commit([{ key: blockRecordKey(value.id), value }]);
    this.#set(network, [...held, value]);
  }

  /** Forgets those that are not among these, CIDR. To be called in a turn. */
  async keepOnly(network: NetworkRecord, blocks: readonly string[]): Promise<void> {
    const [kept, others] = [this.of(network.id).filter(({ block }) => blocks.includes(block)), this.of(network.id).filter(({ block }) => !blocks.includes(block))];
    if (others.length > 0) await this.#forget(network, others, kept);
  }

  /** Gives all of a network back to the store: forgotten here before anybody else can have them. To be called in a turn. */
  async giveBack(network: NetworkRecord): Promise<void> {
    const held = this.of(network.id);
    if (held.length === 0) return;
    const keys = held.map(({ block }) => keyOf(network.id, block));
    for (const key of keys) this.#returning.add(key);
    await this.#forget(network, held, []);
    // A host that has asked for none yet is not one that has been given none.
    this.#context().ledger.blocks.delete(network.id);
    // What cannot be given back now is found again by the next look at what is ours.
    void this.#cluster.returnBlocks(network.id, held.map(({ block }) => block)).catch(() => {}).finally(() => {
      for (const key of keys) this.#returning.delete(key);
    });
  }

  async #forget(network: NetworkRecord, gone: readonly BlockRecord[], kept: readonly BlockRecord[]): Promise<void> {
    await this.#context().store.commit(gone.map(({ id }) => ({ key: blockRecordKey(id) })));
    this.#set(network, kept);
  }

  #set(network: NetworkRecord, blocks: readonly BlockRecord[]): void {
    const { ledger, addresses } = this.#context();
    ledger.blocks.set(network.id, blocks);
    allotBlocks(addresses, network, blocks);
  }
}

function keyOf(networkId: string, block: string): string {
  return `${networkId} ${block}`;
}
