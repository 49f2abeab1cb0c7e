import type { KernelEvent } from '../kernel/kernel.ts';
import type { LinkState } from '../kernel/link-state.ts';
import { HOST } from '../kernel/op.ts';
import type { Context } from './context.ts';
import { NamespaceWatch } from './namespace-watch.ts';
import { NAMESPACE_FOLDER } from './sandboxes.ts';

/** Changes by others come in bursts (`nft -f`, an engine starting): look once they have been quiet this long, ms. */
const QUIET = 150;
/** A machine that is never quiet is looked at this long after the first change, ms. */
const PATIENCE = 1_000;
/** Look at everything this often even if nothing was heard, ms: iptables-legacy tells nobody. */
const PERIOD = 60_000;
/** Look at every link this often, ms: a change by others at a link that we touched at that moment goes unheard. */
const DEEP_PERIOD = 600_000;

/** What the watchdog wants done. */
export interface Repairs {
  /** Everything: links, addresses, rules. */
  readonly reconcile: (known: readonly string[]) => Promise<unknown>;
  /** Forwarding and the accept rule only. */
  readonly surroundings: () => Promise<unknown>;
  /** The same, and our rules in tables that we share with others. */
  readonly rules: () => Promise<unknown>;
  /** The same, and the links that Docker plugins gave to sandboxes. */
  readonly attachments: () => Promise<unknown>;
  /** Looks at every link, and does everything if one is not as it should be. */
  readonly inspect: () => Promise<unknown>;
  /** Tries again what something of others was in the way of: what fails touches links, so not every change can be its cause. */
  readonly tryAgain: () => void;
}

/** What can be done, the least first: each does what the ones before it do. */
const REPAIRS = ['surroundings', 'rules', 'attachments', 'reconcile'] as const;

/** Notices when somebody else changes what is ours, and has it repaired. */
export class Watchdog implements Disposable {
  readonly #context: Context;
  readonly #repairs: Repairs;
  readonly #stack = new DisposableStack();
  readonly #namespaces: NamespaceWatch;
  #quiet: NodeJS.Timeout | undefined;
  #wants: (typeof REPAIRS)[number] | undefined;
  #known = new Set<string>();
  /** When the first change of a burst was heard. */
  #since: number | undefined;

  constructor(context: Context, repairs: Repairs) {
    this.#context = context;
    this.#repairs = repairs;
    this.#stack.use(context.kernel.watch((event) => this.#heed(event)));
    this.#namespaces = this.#stack.use(new NamespaceWatch(NAMESPACE_FOLDER, (names) => this.#heedLost(names)));
    const period = setInterval(() => {
      this.#want('rules');
      repairs.tryAgain();
    }, PERIOD).unref();
    const deep = setInterval(() => this.#carryOut(repairs.inspect()), DEEP_PERIOD).unref();
    this.#stack.defer(() => clearInterval(period));
    this.#stack.defer(() => clearInterval(deep));
    this.#stack.defer(() => clearTimeout(this.#quiet));
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** To be called when there may be sandboxes that were not there before. */
  follow(): void {
    if (this.#context.ledger.sandboxes.size > 0) this.#namespaces.begin();
  }

  #heedLost(names: readonly string[]): void {
    const paths = new Set(names.map((name) => `${NAMESPACE_FOLDER}/${name}`));
    if ([...this.#context.ledger.sandboxes.values()].some(({ namespace }) => paths.has(namespace))) this.#want('reconcile');
  }

  #heed(event: KernelEvent): void {
    if (event.event === 'firewall-changed' && event.tables.some((table) => table.endsWith(' firewalld'))) this.#context.firewalld.told = undefined;
    if (this.#concernsOurs(event)) {
      if (event.event === 'firewall-changed') this.#known.add('packet filter changed by another program: put back');
      this.#want('reconcile');
    } else if (event.event === 'link-removed' && this.#hasAttachments()) this.#want('attachments');
    else if (event.event !== 'entries-removed' && this.#context.ledger.networks.size > 0) this.#want(this.#mayConcernOurs(event) ? 'rules' : 'surroundings');
  }

  #concernsOurs(event: KernelEvent): boolean {
    switch (event.event) {
      case 'overflow':
        return true;
      case 'link-removed':
      case 'link-changed':
        // What an engine takes into a container goes from here.
        return this.#context.applier.links().some(({ namespace, name, handedOver }) => namespace === HOST && name === event.name && handedOver === undefined);
      case 'entries-removed':
        return this.#context.applier.links().some((link) => link.namespace === HOST && link.name === event.name && wantsAny(link, new Set(event.macs), new Set(event.addresses)));
      case 'firewall-changed':
        return event.tables.some((table) => table.endsWith(`netctl_${this.#context.store.instanceId}`));
      default:
        return false;
    }
  }

  /** The other end of such a link is in the host, by a name that its plugin alone knows. */
  #hasAttachments(): boolean {
    return this.#context.applier.links().some(({ lent }) => lent !== undefined);
  }

  #mayConcernOurs(event: KernelEvent): boolean {
    const { sharedRules } = this.#context;
    return sharedRules !== undefined && event.event === 'firewall-changed' && event.tables.some(sharedRules.standIn);
  }

  #want(what: (typeof REPAIRS)[number]): void {
    if (this.#wants === undefined || REPAIRS.indexOf(what) > REPAIRS.indexOf(this.#wants)) this.#wants = what;
    const now = this.#context.now();
    this.#since ??= now;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#repair(), Math.max(0, Math.min(QUIET, this.#since + PATIENCE - now))).unref();
  }

  #repair(): void {
    const known = [...this.#known];
    const wants = this.#wants ?? 'surroundings';
    const repair = wants === 'reconcile' ? this.#repairs.reconcile(known) : this.#repairs[wants]();
    this.#wants = undefined;
    this.#since = undefined;
    this.#known = new Set();
    this.#carryOut(repair);
  }

  #carryOut(repair: Promise<unknown>): void {
    repair.catch((error: unknown) => this.#context.events.warn(`repair failed, tried again at the next change: ${String(error instanceof Error ? error.message : error)}`));
  }
}

function wantsAny({ forwarding = [], neighbours = [] }: LinkState, macs: ReadonlySet<string>, addresses: ReadonlySet<string>): boolean {
  return forwarding.some(({ mac }) => macs.has(mac)) || neighbours.some(({ address }) => addresses.has(address));
}
