import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { PrivateHost } from '../../test/support/host.ts';
import type { Stage } from './stage.ts';
import type { TypedShell } from './typed-shell.ts';

/** Where a daemon of the demo logs, in its host. */
export const LOG = '/run/netctl.log';

/** Where a daemon is typed. */
export interface DaemonPlace {
  readonly stage: Stage;
  readonly host: PrivateHost;
  readonly shell: TypedShell;
}

/**
 * Types `netctl daemon` in the background; resolves when it is ready.
 * @param flags of the daemon, as typed
 * @throws Error after 10 s
 */
export async function startDaemon({ stage, shell, host }: DaemonPlace, flags = ''): Promise<void> {
  const log = host.path(LOG);
  const before = timesReady(log);
  await stage.type(shell, `netctl daemon ${flags}2>>${LOG} & daemon=$!`);
  // a person types the next command later than we do
  for (let tries = 0; timesReady(log) === before; tries++) {
    if (tries > 200) throw new Error('the daemon was to be ready within 10 s');
    await setTimeout(50);
  }
}

/** How often a daemon has said in its log that it serves. */
function timesReady(log: string): number {
  try {
    return readFileSync(log, 'utf8').split(' serves ').length;
  } catch {
    return 1; // no log yet
  }
}
