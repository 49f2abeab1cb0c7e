import { fileURLToPath } from 'node:url';
import type { Background } from './background.ts';
import type { PrivateHost } from './host.ts';
import type { RunOptions, RunResult } from './run.ts';
import { prepareFirewall } from './test-firewall.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The command words that run netctl from its sources, as scripts/netctl does. */
export const NETCTL: readonly string[] = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN];

/** Types netctl commands into a private host. */
export class Netctl {
  readonly host: PrivateHost;
  /** Global options and environment of every command. */
  readonly globals: readonly string[];

  constructor(host: PrivateHost, globals: readonly string[] = []) {
    this.host = host;
    this.globals = globals;
  }

  /** Runs a command to its end, however it ends. */
  run(words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.host.exec([...NETCTL, ...this.globals, ...words], { allowFail: true, ...options });
  }

  /** Runs a command that must succeed and says nothing on standard error; gives its standard output without the last newline. */
  async ok(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(words);
    if (code !== 0 || stderr !== '') throw new Error(`netctl ${words.join(' ')}\ncode ${String(code)}\n${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** What a command with `--format json` says. */
  async json<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(...words, '--format', 'json')) as T;
  }

  /** Starts a command that goes on. */
  start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Background> {
    return this.host.spawn([...NETCTL, ...this.globals, ...words], { env });
  }

  /** Starts a daemon and waits until it serves. */
  async daemon(words: readonly string[] = []): Promise<Background> {
    const firewall = words.includes('--firewall') ? [] : ['--firewall', await prepareFirewall(this.host)];
    const daemon = await this.start(['daemon', ...firewall, ...words]);
    // Two at once in an emulated machine take a minute and a half.
    await daemon.waitFor(/INFO netctl .* serves /, 300_000);
    return daemon;
  }
}
