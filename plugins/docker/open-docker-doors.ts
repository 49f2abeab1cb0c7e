import { join } from 'node:path';
import type { NetworkError } from '../../src/common/error.ts';
import type { Controller } from '../../src/controller/controller.ts';
import { dhcpDriverRoutes } from './dhcp-driver.ts';
import { EngineSync } from './engine-sync.ts';
import { ipamDriverRoutes } from './ipam-driver.ts';
import { networkDriverRoutes } from './network-driver.ts';
import { bareRoute, type PluginRoute, type PluginRoutes } from './plugin-route.ts';
import { pluginServer } from './plugin-server.ts';
import { listenAt } from './plugin-socket.ts';
import { Recent } from './recent.ts';
import { realTimer, type Timer } from './timer.ts';

/** Network drivers that a managed plugin can be: those whose addresses `tsipam` gives. */
export const COMBINED_DRIVERS = ['bridge', 'overlay'] as const;

/** One of them. */
export type CombinedDriver = (typeof COMBINED_DRIVERS)[number];

/** How the doors are opened. */
export interface DockerDoorOptions {
  /**
   * Name of one socket for both drivers in the folder, as a managed plugin has it: `tsbridge.sock`.
   * Default: one for each network driver (`tsbridge.sock`, `tsmacvlan.sock`, `tsipvlan.sock`, `tsoverlay.sock`) and `tsipam.sock` and `tsdhcp.sock` for addresses.
   */
  readonly combined?: string;
  /** Which network driver is behind that socket. Default: bridge. */
  readonly combinedDriver?: CombinedDriver;
  /** Path of the engine's own socket, or false to ask it nothing. Default `/var/run/docker.sock`. */
  readonly engineSocket?: string | false;
  /** ms between comparisons with the engine. Default 30 s. */
  readonly syncPeriod?: number;
  readonly timer?: Timer;
  /** Called with errors of ours. */
  readonly report?: (error: NetworkError) => void;
  /** Called with what a comparison with the engine removed, a sentence each. */
  readonly log?: (message: string) => void;
}

/** The open doors; disposing answers what is under way and removes the sockets. */
export interface DockerDoors extends AsyncDisposable {
  /** Paths. */
  readonly sockets: readonly string[];
  /**
   * Compares with the engine now: what it has forgotten goes, names are learnt.
   * @returns what was done, a sentence each
   * @throws {NetworkError} UNAVAILABLE when there is no engine to be asked
   */
  sync(): Promise<string[]>;
}

/** Drivers with a door of their own. */
const DRIVERS = ['bridge', 'macvlan', 'ipvlan', 'overlay'] as const;

/** An id is new to the engine for this long, ms: it lists what it makes at the end, and may be slow. */
const NEW = 60_000;

/**
 * Opens the doors through which a Docker engine drives the controller: `docker network create -d
 * tsbridge` (`tsmacvlan`, `tsipvlan`, `tsoverlay`) and `--ipam-driver tsipam` (`tsdhcp`). The engine finds them by the names of their sockets.
 *
 * @param folder the engine's plugin folder, `/run/docker/plugins`
 * @throws {NetworkError} IN_USE when another process answers there, INVALID, UNAVAILABLE
 */
export async function openDockerDoors(controller: Controller, folder: string, options: DockerDoorOptions = {}): Promise<DockerDoors> {
  const { combined, combinedDriver = 'bridge', engineSocket = '/var/run/docker.sock', syncPeriod = 30_000, timer = realTimer, report = () => {}, log = () => {} } = options;
  await using stack = new AsyncDisposableStack();
  const recent = new Recent(() => timer.now(), NEW);
  const sync = engineSocket === false ? undefined : stack.use(new EngineSync({ controller, socket: engineSocket, recent, timer, period: syncPeriod, log, report }));
  const onMade = (): void => sync?.soon();
  stack.use(
    controller.subscribe(({ type, action }) => {
      if (type === 'endpoint' && action === 'connect') sync?.onConnect();
    }),
  );
  const network = (driver: string): ReturnType<typeof networkDriverRoutes> => networkDriverRoutes({ controller, driver, recent, onMade });
  const ipam = ipamDriverRoutes({ controller, recent, onMade });
  const doors: [string, PluginRoutes][] =
    combined === undefined
      ? [
          ...DRIVERS.map((driver): [string, PluginRoutes] => [`ts${driver}.sock`, plugin(['NetworkDriver'], network(driver), onMade)]),
          ['tsipam.sock', plugin(['IpamDriver'], ipam, onMade)],
          ['tsdhcp.sock', plugin(['IpamDriver'], dhcpDriverRoutes({ controller, recent, onMade }), onMade)],
        ]
      : [[combined, plugin(['NetworkDriver', 'IpamDriver'], [...network(combinedDriver), ...ipam], onMade)]];
  const sockets: string[] = [];
  for (const [name, routes] of doors) {
    const path = join(folder, name);
    stack.use(await listenAt(pluginServer(routes, report), path));
    sockets.push(path);
  }
  const open = stack.move();
  return {
    sockets,
    sync: async () => (await sync?.run()) ?? [],
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** @param onActivate an engine has started and asks what we are */
function plugin(kinds: readonly string[], routes: Iterable<readonly [string, PluginRoute]>, onActivate: () => void): PluginRoutes {
  const activate = bareRoute(() => {
    onActivate();
    return { Implements: kinds };
  });
  return new Map([['Plugin.Activate', activate], ...routes]);
}
