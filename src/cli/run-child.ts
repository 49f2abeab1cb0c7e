import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemProgram } from './find-program.ts';
import { ownStat } from './process-stat.ts';

/** Those that ask a program for something. The terminal's own stop signals reach the program directly. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGALRM', 'SIGWINCH'] as const satisfies readonly NodeJS.Signals[];
const FROM_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGCONT']);

/**
 * Runs a program with our standard input and output to its end. Signals pass to it; when we are
 * killed, so is it.
 * @param environment added to ours
 * @returns its exit code, 128 + number for a signal
 * @throws what spawn says when it cannot be started
 */
export function runChild([file, ...words]: readonly [string, ...string[]], environment: Readonly<Record<string, string>> = {}): Promise<number> {
  const setpriv = systemProgram('setpriv');
  // PR_SET_PDEATHSIG stays set across execve.
  const [program, args] = setpriv === undefined ? [file, words] : [setpriv, ['--pdeathsig', 'KILL', '--', file, ...words]];
  const { foreground } = ownStat();
  const forward = (signal: NodeJS.Signals): void => {
    // A key was pressed: the terminal has sent it to the program too, which is of our group.
    if (foreground && FROM_TERMINAL.has(signal)) return;
    child.kill(signal);
  };
  // Before the program runs: it may be asked for something the moment it does. Handlers run when spawn has returned.
  for (const signal of FORWARDED) process.on(signal, forward);
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
