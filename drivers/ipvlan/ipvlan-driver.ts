import type { Driver } from '../driver.ts';
import { parentDriver } from '../parent/parent-driver.ts';
import { parseIpvlanOptions } from './options.ts';

/**
 * The ipvlan driver (`-d ipvlan`, `-d tsipvlan`): endpoints on a parent's LAN that share its MAC address.
 * @param warn called with a sentence about an option that is ignored
 */
export function ipvlanDriver(warn: (message: string) => void = () => {}): Driver {
  return parentDriver({ name: 'ipvlan', own: 'tsipvlan.', sinkPrefix: 'di-', parse: parseIpvlanOptions }, warn);
}
