import type { Driver } from '../../drivers/driver.ts';
import type { AddressSpace } from '../ipam/address-space.ts';
import type { Fact } from '../firewall/facts.ts';
import type { FirewallFinding } from '../firewall/finding.ts';
import type { OpenFirewall, SharedRules } from '../firewall/open-firewall.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { HostPorts } from '../ports/host-ports.ts';
import type { Store } from '../store/store.ts';
import type { Applier } from './applier.ts';
import type { ClusterKeeper } from './cluster-keeper.ts';
import type { DhcpKeeper } from './dhcp-keeper.ts';
import type { EventHub } from './events.ts';
import type { FileKeeper } from './file-keeper.ts';
import type { Ledger } from './ledger.ts';
import type { Names } from './names.ts';
import type { PluginKeeper } from './plugin-keeper.ts';
import type { Reaper } from './reaper.ts';
import type { StaleFlows } from './stale-flows.ts';

/** ms since 1970. */
export type Clock = () => number;
/** That many random bytes. */
export type Random = (count: number) => Uint8Array;

/** Gives a task its turn: requests are served one after the other. @throws {NetworkError} ABORTED when the controller was closed, and whatever the task throws */
export type InTurn = <T>(task: (context: Context) => Promise<T>) => Promise<T>;

/** What every operation of the controller works on. */
export interface Context {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly addresses: AddressSpace;
  readonly applier: Applier;
  readonly hostPorts: HostPorts;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly events: EventHub;
  readonly now: Clock;
  readonly random: Random;
  /** Link groups of this owner. */
  readonly groups: { readonly live: number; readonly doomed: number };
  /** Published ports that somebody else has, by owner and port: a sentence each. */
  readonly lostPorts: Map<string, string>;
  /** Tells firewalld which bridges are ours. */
  readonly setBridges: (bridges: readonly string[]) => Promise<void>;
  /** The bridges that firewalld was told of last, joined by spaces; undefined when it may have forgotten. */
  readonly firewalld: { told: string | undefined };
  /** What is wrong with the packet filter: drift from the facts, and other tables in the way. */
  readonly firewallFindings: (facts: readonly Fact[]) => Promise<readonly FirewallFinding[]>;
  /** Rules of ours that stand among those of others; undefined where there are none. */
  readonly sharedRules: SharedRules | undefined;
  /** What differed in them after the last repair, and so cannot be repaired; a sentence a line. */
  readonly unmended: { rules: string };
  readonly reaper: Reaper;
  readonly staleFlows: StaleFlows;
  readonly names: Names;
  readonly dhcp: DhcpKeeper;
  readonly plugins: PluginKeeper;
  readonly cluster: ClusterKeeper;
  readonly files: FileKeeper;
  /** Operations that put our one accept rule where other packet filters need it, or take it away. */
  readonly acceptRules: OpenFirewall['acceptRules'];
}

/** A new id, 64 hex digits like Docker's. */
export function newId(context: Pick<Context, 'random'>): string {
  return Buffer.from(context.random(32)).toString('hex');
}

/** ISO 8601 of now. */
export function timestamp(context: Pick<Context, 'now'>): string {
  return new Date(context.now()).toISOString();
}

/** Alias text of a link: whose it is, of which network and endpoint. */
export function linkLabel(instance: string, networkId: string, endpointId?: string): string {
  return `netctl:${instance}:${networkId.slice(0, 12)}${endpointId === undefined ? '' : `:${endpointId.slice(0, 12)}`}`;
}
