import { join } from 'node:path';
import type { NetworkError } from '../../src/common/error.ts';
import type { Controller } from '../../src/controller/controller.ts';
import { ipamDriverRoutes } from './ipam-driver.ts';
import { networkDriverRoutes } from './network-driver.ts';
import { bareRoute, type PluginRoute } from './plugin-route.ts';
import { pluginServer } from './plugin-server.ts';
import { listenAt } from './plugin-socket.ts';
import { Recent } from './recent.ts';

/** How the doors are opened. */
export interface DockerDoorOptions {
  readonly report?: (error: NetworkError) => void;
}

export async function openDockerDoors(controller: Controller, folder: string, options: DockerDoorOptions = {}): Promise<AsyncDisposable> {
  const { report = () => {} } = options;
  await using stack = new AsyncDisposableStack();
  const recent = new Recent(Date.now, 60_000);
  const network = networkDriverRoutes({ controller, driver: 'bridge', recent, onNetwork: () => {} });
  const ipam = ipamDriverRoutes({ controller, recent });
  stack.use(await listenAt(pluginServer(new Map([activate('NetworkDriver'), ...network]), report), join(folder, 'tsbridge.sock')));
  stack.use(await listenAt(pluginServer(new Map([activate('IpamDriver'), ...ipam]), report), join(folder, 'tsipam.sock')));
  return stack.move();
}

function activate(kind: string): [string, PluginRoute] {
  return ['Plugin.Activate', bareRoute(() => ({ Implements: [kind] }))];
}
