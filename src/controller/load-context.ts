import { randomBytes } from 'node:crypto';
import type { Driver } from '../../drivers/driver.ts';
import { bridgeDriver } from '../../drivers/bridge/bridge-driver.ts';
import { overlayDriver } from '../../drivers/overlay/overlay-driver.ts';
import { ipvlanDriver } from '../../drivers/ipvlan/ipvlan-driver.ts';
import { macvlanDriver } from '../../drivers/macvlan/macvlan-driver.ts';
import type { Plugins } from '../../drivers/remote/plugins.ts';
import { NetworkError } from '../common/error.ts';
import type { FirewallBackend } from '../firewall/backend.ts';
import { instanceNames } from '../firewall/instance.ts';
import type { OpenFirewall } from '../firewall/open-firewall.ts';
import { AddressSpace } from '../ipam/address-space.ts';
import { defaultPools } from '../ipam/default-pools.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { HostPorts } from '../ports/host-ports.ts';
import type { Store } from '../store/store.ts';
import type { ClusterParts } from '../cluster/cluster.ts';
import { Applier } from './applier.ts';
import { ClusterKeeper } from './cluster-keeper.ts';
import type { Clock, Context, Random } from './context.ts';
import { DhcpKeeper } from './dhcp-keeper.ts';
import { EventHub, type ControllerEvent } from './events.ts';
import { FileKeeper } from './file-keeper.ts';
import { Ledger } from './ledger.ts';
import { linkGroups } from './link-groups.ts';
import { Names, type OpenNames } from './names.ts';
import { NetnsFiles } from './netns-files.ts';
import { PluginKeeper } from './plugin-keeper.ts';
import { Reaper } from './reaper.ts';
import { restore } from './restore.ts';
import { StaleFlows } from './stale-flows.ts';

/** What a controller is made of. Those who made kernel and store close them. */
export interface ControllerParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly firewall: FirewallBackend;
  /** Default: bridge, macvlan, ipvlan and overlay. */
  readonly drivers?: readonly Driver[];
  /** Default: none are needed. */
  readonly acceptRules?: OpenFirewall['acceptRules'];
  /** Default: nobody is told. */
  readonly setBridges?: OpenFirewall['setBridges'];
  /** Default: none. */
  readonly firewallFindings?: OpenFirewall['findings'];
  /** Default: there are none. */
  readonly sharedRules?: OpenFirewall['shared'];
  /** Text that tells this host from others: seeds its IPv6 ULA. */
  readonly hostId?: string;
  /** Hears every event, those of opening included, which nobody can subscribe to in time. */
  readonly onEvent?: (event: ControllerEvent) => void;
  /** Starts the name server. Default: names are not served. */
  readonly openNames?: OpenNames;
  /** Folder of the files of named namespaces, `/etc/netns`. Default: there are none. */
  readonly namespaceFiles?: string;
  readonly now?: Clock;
  readonly random?: Random;
  /** Docker plugins that networks can be driven by. Default: none. */
  readonly plugins?: Plugins;
  /** The hosts that networks can span. Default: this one alone. */
  readonly cluster?: ClusterParts;
  /** Default: some of its own. */
  readonly hostPorts?: HostPorts;
}

/**
 * Puts the parts together and reads what is written down; nothing is changed in the kernel yet.
 * @throws {NetworkError} CORRUPT for records that make no sense
 */
export async function loadContext(parts: ControllerParts): Promise<Context> {
  const { kernel, store, firewall, now = Date.now, random = randomBytes } = parts;
  const events = new EventHub(now);
  if (parts.onEvent !== undefined) events.subscribe(parts.onEvent);
  const groups = linkGroups(store.instanceId);
  const reaper = new Reaper({
    kernel,
    group: groups.doomed,
    report: (error) => events.warn(`links not deleted: ${NetworkError.from(error).message}`),
    done: async (notes) => void (await store.commit(notes.map((key) => ({ key })))),
  });
  const doomedName = (): string => `gone${Buffer.from(random(5)).toString('hex')}`;
  const ledger = new Ledger();
  const applier = new Applier(kernel, firewall, { groups, doomedName }, reaper);
  const files = new FileKeeper(parts.namespaceFiles === undefined ? undefined : new NetnsFiles(parts.namespaceFiles), store, ledger);
  const drivers = parts.drivers ?? [bridgeDriver(), macvlanDriver(), ipvlanDriver(), overlayDriver()];
  const context: Context = {
    kernel,
    store,
    events,
    now,
    random,
    groups,
    reaper,
    staleFlows: new StaleFlows(kernel, (error) => events.warn(`flows not forgotten: ${NetworkError.from(error).message}`)),
    ledger,
    addresses: new AddressSpace(defaultPools(parts.hostId ?? store.instanceId)),
    applier,
    files,
    names: new Names({ ledger, applier, events, files, now, table: instanceNames(store.instanceId).table, open: parts.openNames }),
    dhcp: new DhcpKeeper(() => context),
    plugins: new PluginKeeper(() => context, parts.plugins),
    cluster: new ClusterKeeper(() => context, parts.cluster),
    hostPorts: parts.hostPorts ?? new HostPorts(kernel),
    lostPorts: new Map(),
    drivers: new Map(drivers.map((driver) => [driver.name, driver])),
    setBridges: parts.setBridges ?? (async () => {}),
    firewalld: { told: '' },
    acceptRules: parts.acceptRules ?? (async () => []),
    sharedRules: parts.sharedRules,
    unmended: { rules: '' },
    firewallFindings: parts.firewallFindings ?? (async () => []),
  };
  await restore(context);
  return context;
}
