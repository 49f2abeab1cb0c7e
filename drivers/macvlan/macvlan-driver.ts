import type { Driver } from '../driver.ts';
import { parentDriver } from '../parent/parent-driver.ts';
import { parseMacvlanOptions } from './options.ts';

/** The macvlan driver (`-d macvlan`, `-d tsmacvlan`): endpoints with a MAC address of their own on a parent's LAN. */
export function macvlanDriver(): Driver {
  return parentDriver({ name: 'macvlan', own: 'tsmacvlan.', sinkPrefix: 'dm-', parse: parseMacvlanOptions });
}
