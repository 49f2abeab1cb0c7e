import type { WantedState } from '../../drivers/driver.ts';
import { NOTHING } from '../../drivers/driver.ts';
import { NetworkError } from '../common/error.ts';
import type { FirewallBackend } from '../firewall/backend.ts';
import type { Fact } from '../firewall/facts.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { LinkState } from '../kernel/link-state.ts';
import { HOST, type NamespacePath, type Op } from '../kernel/op.ts';
import type { LinkTables, NamespaceSnapshot } from '../kernel/snapshot.ts';
import { actualLinks, misled, whereabouts, type Snapshots, type Sysctls } from './actual.ts';
import { busyLinks } from './link-users.ts';
import { mergeLinks } from './merge-links.ts';
import { linkKey, plan, type PlanContext } from './plan.ts';
import type { Reaper } from './reaper.ts';

/** One network or endpoint and how it is to be from now on. */
export interface Change {
  readonly id: string;
  readonly wanted: WantedState;
}

/** What goes with a transition. */
export interface TransitionOptions {
  /** Operations before the plan (a namespace to be made) and behind it (a namespace to be dropped, flows to be forgotten). */
  readonly before?: readonly Op[];
  readonly after?: readonly Op[];
  /** Namespaces that `after` drops. */
  readonly vanishing?: ReadonlySet<NamespacePath>;
  /** Links of others that somebody else uses by now. */
  readonly busy?: ReadonlySet<string>;
  /** Operations that undo `before` if the transition fails. */
  readonly undo?: readonly Op[];
  readonly signal?: AbortSignal | undefined;
  /** `back`: a failure leaves things as they were (creating). `forward`: it goes on with what can be done (removing). */
  readonly onFailure: 'back' | 'forward';
}

/**
 * Carries states into the kernel and remembers which are applied. All-or-nothing: a transition
 * that fails half way is brought back by planning from what the kernel then really holds.
 */
export class Applier {
  readonly #kernel: Kernel;
  readonly #firewall: FirewallBackend;
  readonly #context: Omit<PlanContext, 'firewall'>;
  readonly #reaper: Reaper;
  readonly #applied = new Map<string, WantedState>();
  #factCount = 0;

  constructor(kernel: Kernel, firewall: FirewallBackend, context: Omit<PlanContext, 'firewall'>, reaper: Reaper) {
    this.#kernel = kernel;
    this.#firewall = firewall;
    this.#context = context;
    this.#reaper = reaper;
  }

  /** Takes over what another one has applied, without looking: a rehearsal starts from what its model has. */
  assume(other: Applier): void {
    this.#remember([...other.#applied].map(([id, wanted]) => ({ id, wanted })));
  }

  /** What was applied last for this network or endpoint. */
  applied(id: string): WantedState {
    return this.#applied.get(id) ?? NOTHING;
  }

  /** Every fact that is applied. */
  facts(): Fact[] {
    return [...this.#applied.values()].flatMap((state) => state.facts);
  }

  /** Every link that is applied. */
  links(): LinkState[] {
    return [...this.#applied.values()].flatMap((state) => state.links);
  }

  /**
   * Makes the changes true.
   * @throws {NetworkError} KERNEL and whatever {@link Kernel.apply} throws; with `back`, nothing is changed then
   */
  async transition(changes: readonly Change[], options: TransitionOptions): Promise<void> {
    const before = changes.map(({ id }): Change => ({ id, wanted: this.applied(id) }));
    const wanted = merge(changes);
    const actual = this.#besideOthers(merge(before), wanted, changes);
    const ops = [...(options.before ?? []), ...this.#plan(wanted, actual, changes, options), ...(options.after ?? [])];
    try {
      await this.#kernel.apply(ops, options.signal);
      this.#remember(changes);
      this.#reaper.wake(this.#doomedIn(ops));
    } catch (error) {
      if (isFull(error) && this.#reaper.pending) {
        // Links that wait for their deletion are ports of the bridge still.
        await this.converge(before, changes);
        await this.#kernel.apply(options.undo ?? []);
        await this.#reaper.flush();
        return await this.transition(changes, options);
      }
      if (options.onFailure === 'forward') {
        await this.converge(changes, before);
        await this.#kernel.apply(options.after ?? []);
      } else {
        await this.converge(before, changes);
        await this.#kernel.apply(options.undo ?? []);
        throw error;
      }
    }
  }

  /**
   * Makes the changes true whatever is there now: reads the links from the kernel and replaces the
   * rule set as a whole. This is restart, repair and rollback.
   * @param formerly states whose links may be there besides the wanted ones
   * @returns the operations that were needed for the links
   */
  async converge(changes: readonly Change[], formerly: readonly Change[] = []): Promise<readonly Op[]> {
    const wanted = merge(changes);
    const before = merge(formerly);
    const keys = new Set(wanted.links.map(linkKey));
    const former = this.#besideOthers(before, wanted, changes).links.filter((link) => !keys.has(linkKey(link)));
    const snapshots = await this.snapshots([...wanted.links, ...former]);
    const { live } = this.#context.groups;
    const actual = [...actualLinks(wanted.links, snapshots, live, await this.#hostSysctls(wanted.links)), ...actualLinks(whereabouts(former, snapshots), snapshots, live)];
    const inTheWay = misled(wanted.links, snapshots, live).map((place): Op => ({ op: 'link-delete', ...place }));
    this.#remember(changes);
    const context: PlanContext = {
      ...this.#context,
      restores: true,
      firewall: { change: () => [] },
      vanishing: missing([...wanted.links, ...former], snapshots),
      busy: busyLinks(snapshots.get(HOST), former),
    };
    const redirects = await this.#kernel.redirectsInPlace(wanted.redirects);
    const ops = plan({ ...wanted, facts: [] }, { links: actual, facts: [], redirects: [...redirects, ...before.redirects] }, context);
    await this.#kernel.apply([...this.#firewall.rebuild(this.facts()), ...inTheWay, ...ops]);
    this.#reaper.wake(this.#doomedIn(ops));
    return ops;
  }

  /** The operations that would bring links and redirects to how they are to be; the packet filter is not looked at. */
  async compare({ links, redirects = [] }: WantedState): Promise<Op[]> {
    const context: PlanContext = { ...this.#context, firewall: { change: () => [] } };
    const actual = actualLinks(links, await this.snapshots(links), this.#context.groups.live, await this.#hostSysctls(links));
    return plan({ links, facts: [], redirects }, { links: actual, facts: [], redirects: await this.#kernel.redirectsInPlace(redirects) }, context);
  }

  /** Puts the whole rule set back in one transaction. */
  async rebuildFirewall(): Promise<void> {
    await this.#kernel.apply(this.#firewall.rebuild(this.facts()));
  }

  /** Snapshots of every namespace that the links touch. */
  async snapshots(links: readonly LinkState[]): Promise<Snapshots> {
    const namespaces = new Set(
      links.flatMap(({ namespace, peer, parent, handedOver }) => [
        namespace,
        ...(peer === undefined ? [] : [peer.namespace]),
        ...(parent === undefined ? [] : [HOST]),
        ...(handedOver === undefined ? [] : [handedOver]),
      ]),
    );
    const list = await this.#kernel.snapshot([...namespaces]);
    const tables = await this.#tables(links);
    return new Map(list.map((snapshot) => [snapshot.namespace, withTables(snapshot, tables)]));
  }

  async #tables(links: readonly LinkState[]): Promise<ReadonlyMap<string, LinkTables>> {
    const stated = links.filter(({ forwarding, neighbours, wireguard }) => forwarding !== undefined || neighbours !== undefined || wireguard !== undefined);
    const found = await this.#kernel.linkTables(
      stated.map(({ namespace, name, forwarding, neighbours, wireguard }) => ({ namespace, link: name, forwarding: forwarding !== undefined, neighbours: neighbours !== undefined, wireguard: wireguard !== undefined })),
    );
    return new Map(found.map((one) => [linkKey({ namespace: one.namespace, name: one.link }), one]));
  }

  /**
   * What is to stand in `actual` besides the former state of what changes: links that several networks
   * want and others have already; and what is not to: such links while others want them still.
   */
  #besideOthers(before: Required<WantedState>, wanted: WantedState, changes: readonly Change[]): Required<WantedState> {
    if (![...before.links, ...wanted.links].some(({ shared }) => shared === true)) return before;
    const ids = new Set(changes.map(({ id }) => id));
    const others = new Map([...this.#applied].flatMap(([id, { links }]) => (ids.has(id) ? [] : links.filter(({ shared }) => shared === true).map((link) => [linkKey(link), link] as const))));
    const known = new Set(before.links.map(linkKey));
    const wants = new Set(wanted.links.map(linkKey));
    const standing = [...others].filter(([key]) => wants.has(key) && !known.has(key)).map(([, link]) => link);
    return { ...before, links: [...before.links.filter((link) => wants.has(linkKey(link)) || !others.has(linkKey(link))), ...standing] };
  }

  /** Namespaces in which links wait for their deletion now. */
  #doomedIn(ops: readonly Op[]): ReadonlySet<NamespacePath> {
    return new Set(ops.flatMap((op) => (op.op === 'link-set' && op.group === this.#context.groups.doomed ? [op.namespace] : [])));
  }

  /** Those of veth pairs are not looked at: reading one costs as much as writing one, and there are many. */
  async #hostSysctls(links: readonly LinkState[]): Promise<Sysctls> {
    const keys = links.flatMap(({ type, namespace, sysctls = [] }) => (type !== 'veth' && namespace === HOST ? sysctls.map(({ key }) => key) : []));
    const values = await Promise.all(keys.map(async (key) => [key, await this.#kernel.sysctl(HOST, key)] as const));
    return new Map(values.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  }

  #plan(wanted: WantedState, actual: WantedState, changes: readonly Change[], { vanishing, busy }: TransitionOptions): Op[] {
    const change = (before: readonly Fact[], after: readonly Fact[]): Op[] => {
      const count = this.#factCount - before.length + after.length;
      if (count === this.#factCount && before.length === 0) return [];
      // The tables come with the first fact and go with the last.
      if (this.#factCount > 0 && count > 0) return this.#firewall.change(before, after);
      const ids = new Set(changes.map(({ id }) => id));
      const others = [...this.#applied].flatMap(([id, state]) => (ids.has(id) ? [] : state.facts));
      return this.#firewall.rebuild([...others, ...after]);
    };
    return plan(wanted, actual, { ...this.#context, firewall: { change }, ...(vanishing === undefined ? {} : { vanishing }), ...(busy === undefined ? {} : { busy }) });
  }

  #remember(changes: readonly Change[]): void {
    for (const { id, wanted } of changes) {
      this.#factCount += wanted.facts.length - this.applied(id).facts.length;
      if (wanted.links.length === 0 && wanted.facts.length === 0 && wanted.redirects === undefined) this.#applied.delete(id);
      else this.#applied.set(id, wanted);
    }
  }
}

function withTables(snapshot: NamespaceSnapshot, tables: ReadonlyMap<string, LinkTables>): NamespaceSnapshot {
  if (tables.size === 0) return snapshot;
  const { namespace, links } = snapshot;
  return {
    ...snapshot,
    links: links.map((link) => {
      const { forwarding, neighbours, wireguard } = tables.get(linkKey({ namespace, name: link.name })) ?? {};
      return { ...link, ...(forwarding === undefined ? {} : { forwarding }), ...(neighbours === undefined ? {} : { neighbours }), ...(wireguard === undefined ? {} : { wireguard }) };
    }),
  };
}

/** A bridge has no room for another port. */
function isFull(error: unknown): boolean {
  return error instanceof NetworkError && error.kernel?.symbol === 'EXFULL';
}

/** What changes want, together. */
export function merge(changes: readonly Change[]): Required<WantedState> {
  return {
    links: mergeLinks(changes.flatMap(({ wanted }) => wanted.links)),
    facts: changes.flatMap(({ wanted }) => wanted.facts),
    redirects: changes.flatMap(({ wanted }) => wanted.redirects ?? []),
  };
}

function missing(links: readonly LinkState[], snapshots: Snapshots): ReadonlySet<NamespacePath> {
  return new Set(links.flatMap(({ namespace, peer }) => [namespace, ...(peer === undefined ? [] : [peer.namespace])]).filter((namespace) => !snapshots.has(namespace)));
}
