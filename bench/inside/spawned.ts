import { spawn } from 'node:child_process';

/** How a program is started. */
export interface SpawnedOptions {
  readonly input?: string;
  /** Instead of the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end and gives its standard output.
 * @throws Error with what it printed when it fails
 */
export function spawned(file: string, args: readonly string[], options: SpawnedOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(options.env === undefined ? {} : { env: options.env }) });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it may end without reading all of it
    child.stdin.end(options.input);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${[file, ...args].join(' ')} ended with code ${String(code)}: ${stderr}${stdout}`.trimEnd()));
    });
  });
}
