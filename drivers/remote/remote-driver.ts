import type { Driver } from '../driver.ts';
import { RemoteNetwork } from './remote-network.ts';

/**
 * The driver behind a Docker plugin (`-d NAME`). It is as pure as any: what the plugin has to be asked is
 * asked by the controller, and its answers stand in the records.
 */
export function remoteDriver(name: string): Driver {
  return {
    name,
    // What its subnets are good for is the plugin's business.
    isOnLan: true,
    kindsInQuestion: () => [],
    settle: () => ({}),
    open: (spec) => new RemoteNetwork(spec),
  };
}
