import { join } from 'node:path';
import type { Driver } from '../../drivers/driver.ts';
import { PLUGIN_FOLDERS } from '../../drivers/remote/find-plugin.ts';
import { Plugins, type PluginsOptions } from '../../drivers/remote/plugins.ts';
import { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';
import { quote } from '../common/quote.ts';
import { openDnsServer } from '../dns/open-dns-server.ts';
import { openFirewall, type FirewallChoice } from '../firewall/open-firewall.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { openKernel } from '../kernel/open-kernel.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { openCluster, requireNoCluster, type ClusterOptions } from './open-cluster.ts';
import { Controller } from './controller.ts';
import type { ControllerEvent } from './events.ts';

/** How long a Docker plugin may take for an answer, ms: as long as an engine gives a managed one. */
const PLUGIN_PATIENCE = 30_000;

/** How a host is opened. */
export interface HostOptions {
  /** Folder of the state file, made with mode 0700 where it is missing: `/var/lib/netctl`. */
  readonly stateFolder: string;
  /** Default `auto`: nft where this machine has it, else iptables. */
  readonly firewall?: FirewallChoice;
  /** Default: bridge, macvlan, ipvlan and overlay. */
  readonly drivers?: readonly Driver[];
  /** How Docker plugins are found that networks can be driven by (`-d NAME`). Default: as an engine finds them, 30 s for each answer. */
  readonly plugins?: Partial<PluginsOptions>;
  /** The cluster that networks can span. Default: none. */
  readonly cluster?: ClusterOptions;
  /** false: a host that has networks of a cluster is not opened without one, where nothing of them would be followed. Default: true. */
  readonly mayLeaveCluster?: boolean;
  /** Hears every event, those of opening included. */
  readonly onEvent?: (event: ControllerEvent) => void;
  /** Hears of defects of ours that cost nobody more than one answer: somebody should report them. */
  readonly onDefect?: (error: NetworkError) => void;
}

/** A controller on the real kernel, with what it stands on. Close with `await using`. */
export interface OpenHost extends AsyncDisposable {
  readonly controller: Controller;
  readonly kernel: Kernel;
  readonly store: Store;
}

/**
 * Opens the controller of this host: kernel, packet filter, state file. What is written down there
 * is true again when it returns.
 * @throws {NetworkError} UNAVAILABLE (state file locked or unwritable, networks of a cluster and none given), CORRUPT, UNSUPPORTED (no packet filter), KERNEL, FORBIDDEN without root
 */
export async function openHost(options: HostOptions): Promise<OpenHost> {
  await using stack = new AsyncDisposableStack();
  makeStateFolder(options.stateFolder);
  const store = stack.use(await openSqliteStore(join(options.stateFolder, 'state.sqlite')));
  if (options.cluster === undefined && options.mayLeaveCluster === false) await requireNoCluster(store);
  const kernel = stack.use(await openKernel());
  const cluster = options.cluster === undefined ? undefined : stack.use(await openCluster(kernel, store, options.cluster, join(options.stateFolder, 'wireguard.key')));
  const { backend, acceptRules, shared, findings, setBridges } = await openFirewall(kernel, store.instanceId, options.firewall ?? 'auto');
  const controller = stack.use(
    await Controller.open({
      kernel,
      store,
      firewall: backend,
      acceptRules,
      firewallFindings: findings,
      ...(shared === undefined ? {} : { sharedRules: shared }),
      setBridges,
      openNames: (onCrash) => openDnsServer({ onCrash, onDefect: (error) => options.onDefect?.(error) }),
      namespaceFiles: '/etc/netns',
      plugins: new Plugins({ folders: PLUGIN_FOLDERS, patience: PLUGIN_PATIENCE, ...options.plugins }),
      ...(cluster === undefined ? {} : { cluster }),
      ...(options.drivers === undefined ? {} : { drivers: options.drivers }),
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    }),
  );
  const owned = stack.move();
  return { controller, kernel, store, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function makeStateFolder(path: string): void {
  try {
    makeFolder(path, 0o700);
  } catch (error) {
    const { message } = error as NodeJS.ErrnoException;
    throw new NetworkError('UNAVAILABLE', `state folder ${quote(path)} cannot be made (${message}): choose another one or mend this one`, { cause: error });
  }
}
