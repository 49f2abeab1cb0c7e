import { join, resolve } from 'node:path';

/** Where the daemon's socket lies unless somebody says. */
export const DEFAULT_RUN_FOLDER = '/run/netctl';

/** Where the daemon's socket lies unless the command line says: NETCTL_RUN_DIR of the environment, else {@link DEFAULT_RUN_FOLDER}. */
export function defaultRunFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return environment['NETCTL_RUN_DIR'] || DEFAULT_RUN_FOLDER;
}

/** The API's socket in a run folder. */
export function socketPath(runFolder: string): string {
  return join(resolve(runFolder), 'netctl.sock');
}
