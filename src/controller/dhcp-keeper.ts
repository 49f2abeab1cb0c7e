import type { Family } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { Context } from './context.ts';
import { leaseIn, takeLease } from './dhcp-lease.ts';
import { chanceOf, openSession, type AnySession } from './open-session.ts';
import type { EndpointRecord } from './records.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** How long a server is waited for, ms. dnsmasq asks the LAN about an address for 3 s before it offers it. */
const PATIENCE = 20_000;

/** After a start, leases of many endpoints are not all asked about at once: ms for each of them. */
const SPREAD = 20;
const LONGEST_SPREAD = 10_000;

/** Somebody who waits for an endpoint's first address. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: NetworkError) => void;
}

/**
 * Looks after the leases of all endpoints whose addresses the LAN gives: a client for each, from when
 * the endpoint is there until it goes. Servers are waited for outside of the controller's turn.
 */
export class DhcpKeeper implements Disposable {
  readonly #context: () => Context;
  /** By endpoint and family. */
  readonly #sessions = new Map<string, AnySession>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  #exclusive: (<T>(task: () => Promise<T>) => Promise<T>) | undefined;

  constructor(context: () => Context) {
    this.#context = context;
  }

  /** Begins. Before this, as in a rehearsal, nobody is asked for anything. @param exclusive gives a task its turn */
  start(exclusive: <T>(task: () => Promise<T>) => Promise<T>): void {
    this.#exclusive = exclusive;
    this.settle();
  }

  /** Addresses stay where they are: they are asked about when somebody opens the controller again. */
  [Symbol.dispose](): void {
    this.#exclusive = undefined;
    for (const session of this.#sessions.values()) session[Symbol.dispose]();
    this.#sessions.clear();
    for (const id of this.#waiters.keys()) this.#fail(id, new NetworkError('ABORTED', 'the controller was closed'));
  }

  /** Follows the ledger: clients for new endpoints, none for those that are gone. */
  settle(): void {
    if (this.#exclusive === undefined) return;
    const { ledger } = this.#context();
    const wanted = new Map<string, readonly [EndpointRecord, Family]>();
    for (const { record } of ledger.networks.values()) {
      if (record.dhcp === undefined) continue;
      for (const endpoint of ledger.endpointsOfNetwork(record.id)) for (const family of record.dhcp) wanted.set(keyOf(endpoint.id, family), [endpoint, family]);
    }
    for (const [key, session] of this.#sessions) {
      if (wanted.has(key)) continue;
      session[Symbol.dispose]();
      this.#sessions.delete(key);
      this.#fail(key.split(' ')[0] ?? '', new NetworkError('ABORTED', 'the endpoint was removed while it waited for an address'));
    }
    for (const [key, [endpoint, family]] of wanted) if (!this.#sessions.has(key)) this.#begin(endpoint, family, key);
  }

  /**
   * Resolves when each of the endpoints has its IPv4 address; at once for those that wait for none. IPv6 ones come when routers and servers say so.
   * @throws {NetworkError} UNAVAILABLE when no server answers in time, EXISTS when the wanted address is not given, KERNEL, ABORTED
   */
  async bound(endpoints: readonly EndpointRecord[], signal?: AbortSignal): Promise<void> {
    if (this.#exclusive === undefined) return;
    await Promise.all(endpoints.filter(({ id }) => this.#sessions.has(keyOf(id, 4))).map((endpoint) => this.#wait(endpoint, signal)));
  }

  /** Gives the addresses of endpoints back that are about to go. */
  async release(endpoints: readonly EndpointRecord[]): Promise<void> {
    const sessions = endpoints.flatMap(({ id }) => FAMILIES.flatMap((family) => this.#sessions.get(keyOf(id, family)) ?? []));
    await Promise.all(sessions.map((session) => session.release()));
  }

  async #wait(endpoint: EndpointRecord, signal?: AbortSignal): Promise<void> {
    const { id } = endpoint;
    if (this.#context().ledger.endpoints.get(id)?.ipv4 !== undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, reject };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    const patience = this.#context().ledger.network(endpoint.networkId).record.dhcpPatience ?? PATIENCE;
    const timer = setTimeout(() => reject(this.#silence(endpoint, patience)), patience);
    const abort = (): void => reject(new NetworkError('ABORTED', 'given up while waiting for a DHCP server'));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      waiters.delete(waiter);
      if (waiters.size === 0) this.#waiters.delete(id);
    }
  }

  #fail(id: string, error: NetworkError): void {
    for (const { reject } of this.#waiters.get(id) ?? []) reject(error);
  }

  #silence({ id, attachment, networkId }: EndpointRecord, patience: number): NetworkError {
    const network = this.#context().ledger.networks.get(networkId)?.record.name ?? '';
    const session = this.#sessions.get(keyOf(id, 4));
    const why = session?.problem === undefined ? 'is there one on that LAN, and does it know this network?' : session.problem;
    return new NetworkError('UNAVAILABLE', `no address for ${attachment?.interface ?? 'a container'} on network ${quote(network)}: waited ${patience / 1000} s for ${session?.waitsFor ?? 'a DHCP server'}; ${why}`);
  }

  #begin(endpoint: EndpointRecord, family: Family, key: string): void {
    const { id, dhcp } = endpoint;
    const lease = leaseIn(endpoint, family);
    const session = openSession(this.#context(), endpoint, family, (step) => {
      if (step.step === 'bound') this.#take(id, family, step.lease);
      else if (step.step === 'lost') this.#take(id, family, undefined, step);
      else this.#fail(id, new NetworkError('EXISTS', `address ${dhcp?.wanted ?? ''} is not given: DHCP server ${step.server} offers ${step.address} instead; leave --ip out, or ask for one that it has`));
    });
    if (session === undefined) return;
    this.#sessions.set(key, session);
    session.start(lease, lease === undefined ? 0 : Math.min(this.#sessions.size * SPREAD, LONGEST_SPREAD) * chanceOf(this.#context().random)());
  }

  /** Writes down what the client has, when it is its turn. */
  #take(id: string, family: Family, lease: DhcpLease | undefined, lost?: { readonly lease: DhcpLease; readonly reason: string }): void {
    const task = async (): Promise<void> => {
      const context = this.#context();
      const before = context.ledger.endpoints.get(id);
      const after = await takeLease(context, id, family, lease);
      if (before === undefined || after === undefined) return;
      const action = lost !== undefined ? 'lost' : leaseIn(before, family)?.address === lease?.address ? 'renewed' : 'leased';
      const { address, server } = lease ?? lost?.lease ?? { address: '', server: '' };
      const network = context.ledger.network(after.networkId).record.name;
      context.events.emit({ type: 'address', action, id, name: after.name, attributes: { network, address, server, ...(lost === undefined ? {} : { reason: lost.reason }) } });
      if (lease !== undefined && family === 4) for (const { resolve } of this.#waiters.get(id) ?? []) resolve();
    };
    this.#exclusive?.(task).catch((thrown: unknown) => {
      const error = NetworkError.from(thrown);
      // Somebody on the link answers for it already.
      if (error.code === 'IN_USE') this.#sessions.get(keyOf(id, family))?.decline();
      else this.#fail(id, error);
      this.#context().events.warn(`address ${lease?.address ?? ''} by DHCP could not be taken: ${error.message}`);
    });
  }
}

function keyOf(endpointId: string, family: Family): string {
  return `${endpointId} ${family}`;
}
