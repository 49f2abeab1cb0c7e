import type { Cluster } from '../cluster/cluster.ts';
import type { ClaimRecord } from '../cluster/records.ts';
import { parseAddress } from '../common/address.ts';
import { contains, parseCidr } from '../common/cidr.ts';
import type { Pool } from '../ipam/pool.ts';
import type { Context } from './context.ts';
import { loanKey, type LoanRecord } from './records.ts';

/** Addresses out of this host's blocks that other hosts ask for: nobody gets one that is taken, and none is given twice. */
export class ClusterLoans {
  readonly #context: () => Context;
  readonly #cluster: Cluster;

  constructor(context: () => Context, cluster: Cluster) {
    this.#context = context;
    this.#cluster = cluster;
  }

  /** Answers what is asked, and takes back what is not needed any more. @param keys of claims that came, changed or went */
  async follow(keys: ReadonlySet<string>): Promise<void> {
    if (keys.size === 0) return;
    const { ledger } = this.#context();
    for (const key of keys) {
      const claim = this.#cluster.directory.claims.get(key)?.record;
      if (claim !== undefined && claim.answer === undefined) await this.#answer(key, claim);
    }
    const wanted = new Set([...this.#cluster.directory.claims.values()].map(({ record }) => `${record.networkId}/${record.address}`));
    for (const loan of ledger.loans.values()) if (!wanted.has(loan.id)) await this.#end(loan);
  }

  async #answer(key: string, { networkId, address, hostId }: ClaimRecord): Promise<void> {
    const { ledger, store } = this.#context();
    const wanted = parseAddress(address);
    const isOurs = (ledger.blocks.get(networkId) ?? []).some(({ block }) => contains(parseCidr(block), wanted));
    const pool = this.#pool(networkId, address);
    if (!isOurs || pool === undefined || !this.#cluster.mayWrite) return;
    const id = `${networkId}/${address}`;
    const owner = pool.ownerOf(wanted);
    const known = ledger.loans.get(id);
    if (owner !== undefined && known?.hostId !== hostId) {
      void this.#cluster.answerClaim(key, { answer: 'refused', reason: `it is taken by ${owner} on host '${this.#cluster.host().name}'` }).catch(() => {});
      return;
    }
    const loan: LoanRecord = { id, networkId, address, hostId };
    // Written down before it is said: it is never given to anybody else here.
    await store.commit([{ key: loanKey(id), value: loan }]);
    ledger.loans.set(id, loan);
    if (owner === undefined) pool.requestAddress({ address: wanted, owner: `host '${this.#cluster.directory.hosts.get(hostId)?.name ?? hostId}'` });
    // Where it cannot be said now, whoever asks gives up, and asks again.
    void this.#cluster.answerClaim(key, { answer: 'granted' }).catch(() => {});
  }

  async #end({ id, networkId, address }: LoanRecord): Promise<void> {
    const { ledger, store } = this.#context();
    await store.commit([{ key: loanKey(id) }]);
    ledger.loans.delete(id);
    this.#pool(networkId, address)?.releaseAddress(parseAddress(address));
  }

  #pool(networkId: string, address: string): Pool | undefined {
    const { ledger, addresses } = this.#context();
    const record = ledger.networks.get(networkId)?.record;
    const wanted = parseAddress(address);
    const subnet = [...(record?.ipv4 ?? []), ...(record?.ipv6 ?? [])].map((one) => parseCidr(one.subnet)).find((one) => contains(one, wanted));
    return subnet === undefined ? undefined : addresses.pool(subnet);
  }
}
