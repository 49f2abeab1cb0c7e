import { randomBytes } from 'node:crypto';
import { endpointKey } from '../../src/cluster/keys.ts';
import { borrowBlock } from '../../src/cluster/lending.ts';
import { Membership } from '../../src/cluster/membership.ts';
import type { Mirror } from '../../src/cluster/mirror.ts';
import { Outbox } from '../../src/cluster/outbox.ts';
import type { HostRecord, SharedEndpoint, SharedNetwork } from '../../src/cluster/records.ts';
import { containsCidr, parseCidr, sizeOf, type Cidr } from '../../src/common/cidr.ts';
import { formatAddress } from '../../src/common/address.ts';
import { spanningMac } from '../../src/cluster/spanning-mac.ts';
import type { SharedStore } from '../../src/store/shared-store.ts';
import type { Written } from './protocol.ts';

/** Of a network, what a host may give addresses from, and how much it has given. */
interface Share {
  readonly network: SharedNetwork;
  block: Cidr;
  given: bigint;
}

/**
 * A host as etcd and the other hosts see it: it has its own connections, lease, watch and blocks, and writes its own
 * endpoints, all by the code of a daemon. It has no kernel, and no memory of its own of what the others have: it shares that
 * with its neighbours in this process, because a thousand would not fit into one machine.
 */
export class SimulatedHost implements AsyncDisposable {
  readonly id: string;
  readonly #store: SharedStore;
  readonly #mirror: Mirror;
  readonly #membership: Membership;
  readonly outbox: Outbox;
  readonly #shares: Share[] = [];
  readonly #endpoints: SharedEndpoint[] = [];
  readonly #end = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #isIn = false;
  /** How often it lost its place. */
  lost = 0;
  /** As far as its watch has come. */
  revision = 0;
  /** Resolves when it has taken its place for the first time. */
  readonly joined: Promise<void>;

  /** @param number in the cluster @param mirror of all hosts of this process */
  constructor(number: number, store: SharedStore, mirror: Mirror) {
    this.id = (0x5ca1_0000 + number).toString(16);
    this.#store = store;
    this.#mirror = mirror;
    const record: HostRecord = { id: this.id, name: `sim${String(number)}`, address: `100.64.${String(number >> 8)}.${String(number & 255)}`, mtu: 1500, reaches: ['100.64.0.0/10'] };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.joined = promise;
    this.#membership = new Membership(store, mirror, () => record, { joined: () => this.#join(resolve), refused: () => (this.lost += 1) });
    this.outbox = new Outbox(store, mirror, this.id, () => true, () => {});
  }

  /** How many endpoints it has. */
  get count(): number {
    return this.#endpoints.length;
  }

  /** Takes its place. */
  async join(): Promise<void> {
    this.#membership.start();
    await this.joined;
  }

  /** Follows the store, as a daemon does behind its first reading. */
  watch(): void {
    this.revision = this.#mirror.directory.revision;
    this.#watching = this.#follow();
  }

  /** Takes a block of a network. @throws Error when none is left */
  async borrow(network: SharedNetwork): Promise<void> {
    this.#shares.push({ network, ...(await this.#block(network)) });
  }

  /** Tells of endpoints, so many in each of its networks. Resolves when they are written. */
  async fill(count: number): Promise<void> {
    const made: SharedEndpoint[] = [];
    for (let number = 0; number < count; number += 1) made.push(await this.#make(number % this.#shares.length));
    this.#tell(made);
    for (const endpoint of made) await this.#stands(endpoint, true);
  }

  /** Makes one endpoint. */
  async add(): Promise<Written> {
    const endpoint = await this.#make(Math.floor(Math.random() * this.#shares.length));
    const at = process.hrtime.bigint();
    this.#tell([endpoint]);
    await this.#stands(endpoint, true);
    return { mac: endpoint.mac, at: String(at), ms: Number(process.hrtime.bigint() - at) / 1e6 };
  }

  /** Removes one. */
  async remove(): Promise<void> {
    const [endpoint] = this.#endpoints.splice(Math.floor(Math.random() * this.#endpoints.length), 1);
    if (endpoint === undefined) return;
    this.outbox.want(new Map([[endpointKey(endpoint.networkId, endpoint.id), undefined]]));
    await this.#stands(endpoint, false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all([this.outbox[Symbol.asyncDispose](), this.#membership[Symbol.asyncDispose](), this.#watching]);
    await this.#store[Symbol.asyncDispose]();
  }

  #join(resolve: () => void): void {
    if (this.#isIn) this.lost += 1;
    this.#isIn = true;
    resolve();
  }

  /** Until it is heard back that an endpoint is in the store, or is not. */
  #stands({ networkId, id }: SharedEndpoint, isThere: boolean): Promise<void> {
    return this.#mirror.until(({ endpoints }) => (endpoints.get(networkId)?.has(id) ?? false) === isThere);
  }

  #tell(endpoints: readonly SharedEndpoint[]): void {
    this.outbox.want(new Map(endpoints.map((one) => [endpointKey(one.networkId, one.id), one])));
  }

  async #make(index: number): Promise<SharedEndpoint> {
    const share = this.#shares[index] as Share;
    // The last one of a block may be the subnet's broadcast address.
    if (share.given + 2n >= sizeOf(share.block)) Object.assign(share, await this.#block(share.network));
    share.given += 1n;
    const { family, base } = share.block;
    const subnet = share.network.ipv4.map((one) => parseCidr(one.subnet)).find((one) => containsCidr(one, share.block));
    const ipv4 = `${formatAddress({ family, value: base + share.given })}/${String(subnet?.prefix ?? 32)}`;
    const networkId = share.network.id;
    const id = randomBytes(32).toString('hex');
    const endpoint: SharedEndpoint = { id, networkId, hostId: this.id, mac: spanningMac(networkId, { ipv4 }), ipv4, names: [`box-${id.slice(0, 8)}`, id.slice(0, 12)], services: ['80/tcp'] };
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async #block({ id, name, ipv4 }: SharedNetwork): Promise<Pick<Share, 'block' | 'given'>> {
    const subnet = parseCidr(ipv4[0]?.subnet ?? '');
    const borrow = (): Promise<Cidr | undefined> => borrowBlock({ store: this.#store, mirror: this.#mirror, self: this.id }, { networkId: id, subnet });
    // Etcd shares the machine with all who ask it: as a user would, it asks again.
    const block = await borrow().catch(borrow).catch(borrow);
    if (block === undefined) throw new Error(`network ${name} has no block left for ${this.id}`);
    // The first of a network is its gateway's.
    return { block, given: 1n };
  }

  async #follow(): Promise<void> {
    try {
      for await (const { revision } of this.#store.watchBatches('', { after: this.revision, signal: this.#end.signal })) this.revision = revision;
    } catch {
      // What it missed was compacted: a daemon would read what changed; here nobody needs it.
      this.watch();
    }
  }
}
