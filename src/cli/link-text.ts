import type { CableEndView } from '../controller/cable-view.ts';

/** What people call the place of an end: a sandbox by its name, a process as on the command line. */
function endName({ sandbox, namespace }: CableEndView): string {
  return sandbox ?? namespace.replace(/^\/proc\/(\d+)\/ns\/net$/, 'pid:$1');
}

/** `web:eth1 10.1.1.1/31` */
export function endText(end: CableEndView): string {
  return [`${endName(end)}:${end.interface}`, ...end.addresses].join(' ');
}
