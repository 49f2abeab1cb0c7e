import { setTimeout as delay } from 'node:timers/promises';
import { getVersion } from '../src/api/calls.ts';
import { ApiClient } from '../src/api/client.ts';
import { DEFAULT_RUN_FOLDER, socketPath } from '../src/api/socket-path.ts';
import type { Background } from '../test/support/background.ts';
import type { PrivateHost } from '../test/support/host.ts';
import { programFile } from './compiled.ts';

/** Our daemon in a private host. */
export class Daemon implements AsyncDisposable {
  /** Speaks with it from outside the host. */
  readonly client: ApiClient;
  /** ms from the start of the process to its first answer. */
  readonly startedIn: number;
  readonly #process: Background;

  private constructor(running: Background, client: ApiClient, startedIn: number) {
    this.#process = running;
    this.client = client;
    this.startedIn = startedIn;
  }

  /** Resolves when it answers. @param more flags @throws Error with what it printed */
  static async start(host: PrivateHost, dockerPlugins = 'none', more: readonly string[] = []): Promise<Daemon> {
    const started = performance.now();
    const flags = ['--docker-plugins', dockerPlugins, '--log-level', 'warn', ...more];
    const running = await host.spawn(['env', 'MALLOC_ARENA_MAX=2', process.execPath, '--disable-warning=ExperimentalWarning', '--max-semi-space-size=2', programFile(), 'daemon', ...flags]);
    const client = new ApiClient(host.path(socketPath(DEFAULT_RUN_FOLDER)));
    while (!(await answers(client))) {
      await delay(2);
      if (running.running && performance.now() < started + 60_000) continue;
      await running.kill('SIGKILL');
      throw new Error(`the daemon did not come up: ${running.output}`);
    }
    return new Daemon(running, client, performance.now() - started);
  }

  /** As the machine sees it. */
  get pid(): number {
    return this.#process.pid;
  }

  async kill9(): Promise<void> {
    await this.#process.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

async function answers(client: ApiClient): Promise<boolean> {
  try {
    await client.send(getVersion());
    return true;
  } catch {
    return false;
  }
}
