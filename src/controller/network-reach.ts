/** What one network of the cluster has on other hosts, followed one endpoint at a time. */
import type { Reach, RemoteEndpoint } from '../../drivers/driver.ts';
import type { SharedEndpoint } from '../cluster/records.ts';
import { changedList } from '../common/list-change.ts';
import { plainAddresses } from './services.ts';

/** An endpoint on another host that counts. */
export interface Member {
  readonly record: SharedEndpoint;
  /** That wrote the record. */
  readonly revision: number;
  /** Plain address of its host. */
  readonly host: string;
}

type Others = NonNullable<Reach['others']>;

/**
 * The endpoints of a network on other hosts, as they stand in the tables of the kernel: one for each MAC. A change costs what it changes,
 * however many there are.
 */
export class NetworkReach {
  readonly #members = new Map<string, Member>();
  /** Who has a MAC or an address, or says so: the latest at the end. */
  readonly #claimants = new Map<string, readonly Member[]>();
  readonly #byMac = new Map<string, RemoteEndpoint>();
  /** How many endpoints a host has. */
  readonly #hosts = new Map<string, number>();
  #others: Others = { hosts: [], endpoints: [] };

  /** The same object as long as nothing changes; its lists are versions of those before ({@link changedList}). */
  get others(): Others {
    return this.#others;
  }

  /**
   * Looks at some endpoints again.
   * @param find what there is now; undefined for one that is gone or does not count
   * @returns ids of those that changed or went
   */
  follow(ids: Iterable<string>, find: (id: string) => Member | undefined): string[] {
    const news: string[] = [];
    const macs = new Set<string>();
    for (const id of ids) {
      const [before, after] = [this.#members.get(id), find(id)];
      if (before?.revision === after?.revision && before?.host === after?.host) continue;
      news.push(id);
      for (const member of [before, after]) if (member !== undefined) this.#collect(member, macs);
      if (before !== undefined) this.#leave(id, before);
      if (after !== undefined) this.#enter(id, after);
      for (const member of [before, after]) if (member !== undefined) this.#collect(member, macs);
    }
    this.#settle(macs);
    return news;
  }

  /** MACs of which it may be another one's from now on what is known of them. */
  #collect({ record }: Member, macs: Set<string>): void {
    for (const key of keysOf(record)) for (const claimant of this.#claimants.get(key) ?? []) macs.add(claimant.record.mac);
    macs.add(record.mac);
  }

  #enter(id: string, member: Member): void {
    this.#members.set(id, member);
    for (const key of keysOf(member.record)) {
      const others = this.#claimants.get(key) ?? [];
      this.#claimants.set(key, [...others, member].toSorted((a, b) => a.revision - b.revision));
    }
  }

  #leave(id: string, member: Member): void {
    this.#members.delete(id);
    for (const key of keysOf(member.record)) {
      const others = (this.#claimants.get(key) ?? []).filter((one) => one !== member);
      if (others.length === 0) this.#claimants.delete(key);
      else this.#claimants.set(key, others);
    }
  }

  #settle(macs: ReadonlySet<string>): void {
    const gone: RemoteEndpoint[] = [];
    const come: RemoteEndpoint[] = [];
    for (const mac of macs) {
      const [before, after] = [this.#byMac.get(mac), this.#remote(mac)];
      if (before?.host === after?.host && before?.addresses.join() === after?.addresses.join()) continue;
      if (before !== undefined) gone.push(before);
      if (after !== undefined) come.push(after);
      if (after === undefined) this.#byMac.delete(mac);
      else this.#byMac.set(mac, after);
    }
    if (gone.length === 0 && come.length === 0) return;
    const hosts = this.#count(gone, come) ? [...this.#hosts.keys()] : this.#others.hosts;
    this.#others = { hosts, endpoints: changedList(this.#others.endpoints, gone, come) };
  }

  /** Of two with one MAC or one address, the later one has it: it has moved. */
  #remote(mac: string): RemoteEndpoint | undefined {
    const owner = this.#claimants.get(mac)?.at(-1);
    if (owner === undefined) return undefined;
    return { mac, addresses: plainAddresses(owner.record).filter((address) => this.#claimants.get(address)?.at(-1)?.record.mac === mac), host: owner.host };
  }

  /** @returns whether other hosts have endpoints now than before */
  #count(gone: readonly RemoteEndpoint[], come: readonly RemoteEndpoint[]): boolean {
    const touched = new Set([...gone, ...come].map(({ host }) => host));
    const before = new Map([...touched].map((host) => [host, this.#hosts.has(host)]));
    for (const { host } of come) this.#hosts.set(host, (this.#hosts.get(host) ?? 0) + 1);
    for (const { host } of gone) {
      const left = (this.#hosts.get(host) ?? 0) - 1;
      if (left === 0) this.#hosts.delete(host);
      else this.#hosts.set(host, left);
    }
    return [...touched].some((host) => this.#hosts.has(host) !== before.get(host));
  }
}

function keysOf(record: SharedEndpoint): string[] {
  return [record.mac, ...plainAddresses(record)];
}
