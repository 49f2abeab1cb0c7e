import type { Family } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { Context } from './context.ts';
import { dhcpTenants, type DhcpTenant } from './dhcp-tenants.ts';
import { chanceOf, type AnySession } from './open-session.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** How long a server is waited for, ms. dnsmasq asks the LAN about an address for 3 s before it offers it. */
const PATIENCE = 20_000;

/** After a start, leases of many endpoints are not all asked about at once: ms for each of them. */
const SPREAD = 20;
const LONGEST_SPREAD = 10_000;

/** Somebody who waits for a first address. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: NetworkError) => void;
}

/** A tenant, and the client that speaks for it. */
interface Service {
  readonly tenant: DhcpTenant;
  readonly session: AnySession;
}

/**
 * Looks after the leases of everybody whose address the LAN gives: a client for each, from when it is
 * there until it goes. Servers are waited for outside of the controller's turn.
 */
export class DhcpKeeper implements Disposable {
  readonly #context: () => Context;
  /** By tenant and family. */
  readonly #services = new Map<string, Service>();
  /** By tenant. */
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
    for (const { session } of this.#services.values()) session[Symbol.dispose]();
    this.#services.clear();
    for (const id of this.#waiters.keys()) this.#fail(id, new NetworkError('ABORTED', 'the controller was closed'));
  }

  /** Follows the ledger: clients for whoever is new, none for those that are gone. */
  settle(): void {
    if (this.#exclusive === undefined) return;
    const wanted = new Map(dhcpTenants(this.#context()).map((tenant) => [keyOf(tenant.id, tenant.family), tenant]));
    for (const [key, { tenant, session }] of this.#services) {
      if (wanted.has(key)) continue;
      session[Symbol.dispose]();
      this.#services.delete(key);
      this.#fail(tenant.id, new NetworkError('ABORTED', `${tenant.description} was removed while it waited for an address`));
    }
    for (const [key, tenant] of wanted) if (!this.#services.has(key)) this.#begin(tenant, key);
  }

  /**
   * Resolves when each of the tenants has its IPv4 address; at once for those that wait for none. IPv6 ones come when routers and servers say so.
   * @throws {NetworkError} UNAVAILABLE when no server answers in time, EXISTS when the wanted address is not given, INVALID, KERNEL, ABORTED
   */
  async bound(records: readonly { readonly id: string }[], signal?: AbortSignal): Promise<void> {
    if (this.#exclusive === undefined) return;
    await Promise.all(records.flatMap(({ id }) => this.#services.get(keyOf(id, 4)) ?? []).map((service) => this.#wait(service, signal)));
  }

  /** Gives the addresses of those back that are about to go. */
  async release(records: readonly { readonly id: string }[]): Promise<void> {
    const services = records.flatMap(({ id }) => FAMILIES.flatMap((family) => this.#services.get(keyOf(id, family)) ?? []));
    await Promise.all(services.map(({ session }) => session.release()));
  }

  async #wait({ tenant, session }: Service, signal?: AbortSignal): Promise<void> {
    const { id, patience = PATIENCE } = tenant;
    if (tenant.lease() !== undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, reject };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    const timer = setTimeout(() => reject(silence(tenant, session, patience)), patience);
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

  #begin(tenant: DhcpTenant, key: string): void {
    const lease = tenant.lease();
    const session = tenant.open((step) => {
      if (step.step === 'bound') this.#take(tenant, step.lease);
      else if (step.step === 'lost') this.#take(tenant, undefined, step);
      else this.#fail(tenant.id, new NetworkError('EXISTS', `address ${tenant.wanted ?? ''} is not given: DHCP server ${step.server} offers ${step.address} instead; leave --ip out, or ask for one that it has`));
    });
    if (session === undefined) return;
    this.#services.set(key, { tenant, session });
    session.start(lease, lease === undefined ? 0 : Math.min(this.#services.size * SPREAD, LONGEST_SPREAD) * chanceOf(this.#context().random)());
  }

  /** Writes down what the client has, when it is its turn. */
  #take(tenant: DhcpTenant, lease: DhcpLease | undefined, lost?: { readonly lease: DhcpLease; readonly reason: string }): void {
    const { id, family } = tenant;
    const task = async (): Promise<void> => {
      const before = tenant.lease();
      const named = await tenant.take(lease);
      if (named === undefined) return;
      const action = lost !== undefined ? 'lost' : before?.address === lease?.address ? 'renewed' : 'leased';
      const { address, server } = lease ?? lost?.lease ?? { address: '', server: '' };
      const { name, network } = named;
      this.#context().events.emit({ type: 'address', action, id, name, attributes: { network, address, server, ...(lost === undefined ? {} : { reason: lost.reason }) } });
      if (lease !== undefined && family === 4) for (const { resolve } of this.#waiters.get(id) ?? []) resolve();
      if (lost !== undefined && tenant.stays) this.#drop(tenant);
    };
    this.#exclusive?.(task).catch((thrown: unknown) => {
      const error = NetworkError.from(thrown);
      // Somebody on the link answers for it already.
      if (error.code === 'IN_USE') this.#services.get(keyOf(id, family))?.session.decline(error.message);
      // Nobody waits for one of IPv6.
      else if (family === 4) this.#fail(id, error);
      this.#context().events.warn(`address ${lease?.address ?? ''} by DHCP could not be taken: ${error.message}`);
    });
  }

  /** Another client is going to ask for it, one that takes no other address. */
  #drop({ id, family }: DhcpTenant): void {
    const key = keyOf(id, family);
    this.#services.get(key)?.session[Symbol.dispose]();
    this.#services.delete(key);
  }
}

function silence({ description }: DhcpTenant, { problem, waitsFor }: AnySession, patience: number): NetworkError {
  const why = problem ?? 'is there one on that LAN, and does it know this network?';
  return new NetworkError('UNAVAILABLE', `no address for ${description}: waited ${patience / 1000} s for ${waitsFor}; ${why}`);
}

function keyOf(tenantId: string, family: Family): string {
  return `${tenantId} ${family}`;
}
