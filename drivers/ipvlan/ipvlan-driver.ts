import type { Driver } from '../driver.ts';
import { parentDriver } from '../parent/parent-driver.ts';
import { parseIpvlanOptions } from './options.ts';

/** The ipvlan driver (`-d ipvlan`, `-d tsipvlan`): endpoints on a parent's LAN that share its MAC address. */
export function ipvlanDriver(): Driver {
  return parentDriver({ name: 'ipvlan', own: 'tsipvlan.', sinkPrefix: 'di-', parse: parseIpvlanOptions });
}
