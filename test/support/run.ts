import { spawn } from 'node:child_process';
import { PATIENCE } from './patience.ts';

/** What a finished program gave. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** How a program is run. */
export interface RunOptions {
  /** Standard input. */
  readonly input?: string | Buffer;
  /** Milliseconds until it is killed and the call fails; {@link PATIENCE} unless told. */
  readonly timeout?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** true: a non-zero exit code is a result, not an error. */
  readonly allowFail?: boolean;
}

/**
 * Runs a program to its end.
 * @throws Error that names the command, the code and what it printed, when it fails or takes too long
 */
export function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    // a group of its own, so that what nsenter has forked can be ended with it
    const child = spawn(file, args, { detached: true, env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    let late = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it may end without reading all of it
    child.stdin.end(options.input);
    const limit = options.timeout ?? PATIENCE;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, limit);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (!late && (code === 0 || (code !== null && options.allowFail === true))) return resolve({ stdout, stderr, code });
      const how = late ? `took more than ${String(limit)} ms` : `ended with ${signal ?? `code ${String(code)}`}`;
      reject(new Error(`${command.join(' ')}\n${how}\n${stderr}${stdout}`.trimEnd()));
    });
  });
}
