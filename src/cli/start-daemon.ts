import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { DEFAULT_RUN_FOLDER, socketPath } from '../api/socket-path.ts';
import { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';
import { quote } from '../common/quote.ts';
import { serviceIsInstalled, serviceIsStarting } from './service.ts';
import { waitForSocket } from './wait-for-socket.ts';

/** ms that a daemon which somebody else is starting may take. */
const PATIENCE = 10_000;

/**
 * Starts a daemon of its own session, which outlives this command, and waits until it serves. Where
 * the service is installed it does not: the two would want the same state, and the service would
 * find it held.
 * @param say prints one line for the user
 * @throws {NetworkError} FORBIDDEN without root, UNAVAILABLE with what the daemon said, or because the service does not run
 */
export async function startDaemon(runFolder: string, say: (line: string) => void): Promise<void> {
  const folder = resolve(runFolder);
  if (folder === DEFAULT_RUN_FOLDER && serviceIsInstalled()) return leaveItToService(socketPath(folder));
  if (process.getuid?.() !== 0) {
    throw new NetworkError('FORBIDDEN', `no daemon listens on '${socketPath(folder)}', and only root can start one: run as root, e.g. with sudo`);
  }
  const logFile = join(folder, 'daemon.log');
  say(`no daemon on ${socketPath(folder)}: starting one, its log is ${logFile}`);
  const outcome = await launch(folder, logFile);
  if (outcome === 'ready') return;
  // Two commands at once both start one: the second to come finds the place taken.
  const [, code = '', message = ''] = /^failed (EXISTS|UNAVAILABLE) (.*)$/.exec(outcome) ?? [];
  if (code !== '' && (await waitForSocket(socketPath(folder), AbortSignal.timeout(code === 'EXISTS' ? 1000 : PATIENCE)))) return;
  throw new NetworkError('UNAVAILABLE', `the daemon did not start: ${message || outcome.replace(/^failed \w+ /, '') || `see ${logFile}`}`);
}

async function leaveItToService(path: string): Promise<void> {
  if (serviceIsStarting() && (await waitForSocket(path, AbortSignal.timeout(PATIENCE)))) return;
  throw new NetworkError('UNAVAILABLE', `no daemon listens on '${path}': the service netctl is installed and does not run, start it with 'systemctl start netctl'`);
}

/** @returns the one line that the daemon says to its starter; nothing when it dies without a word */
async function launch(folder: string, logFile: string): Promise<string> {
  const log = openLog(folder, logFile);
  try {
    const program = [...process.execArgv, process.argv[1] ?? '', 'daemon', '--run-dir', folder, '--ready-fd', '3'];
    const child = spawn(process.execPath, program, { detached: true, cwd: '/', env: { MALLOC_ARENA_MAX: '2', ...process.env }, stdio: ['ignore', log, log, 'pipe'] });
    child.unref();
    return (await text(child.stdio[3] as Readable)).trim();
  } finally {
    closeSync(log);
  }
}

/** In a folder that somebody else can write to, the name may be a link of theirs to any file: it is not followed. */
function openLog(folder: string, path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  try {
    makeFolder(folder, 0o700);
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', `the daemon was not started, its log ${quote(path)} cannot be opened (${(error as Error).message}): choose another folder by --run-dir`, { cause: error });
  }
}
