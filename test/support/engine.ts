import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Background } from './background.ts';
import { CLIENT_ENVIRONMENT, dockerCommand, dockerdCommand } from './engine-commands.ts';
import type { PrivateHost } from './host.ts';
import { busyboxArchive } from './image.ts';
import type { Place } from './place.ts';
import type { RunOptions, RunResult } from './run.ts';

/** How an engine is started. */
export interface EngineOptions {
  /** More arguments for dockerd. */
  readonly flags?: readonly string[];
}

/** A real Docker engine inside a private host, with image `bb` (busybox, `/www/index.html`). */
export class Engine implements AsyncDisposable {
  readonly host: PrivateHost;
  readonly #flags: readonly string[];
  #daemon: Background | undefined;

  private constructor(host: PrivateHost, options: EngineOptions) {
    this.host = host;
    this.#flags = options.flags ?? [];
  }

  /** Starts dockerd (the machine's, else the one that scripts/setup brought); resolves when it answers and has the image. */
  static async start(host: PrivateHost, options: EngineOptions = {}): Promise<Engine> {
    const engine = new Engine(host, options);
    await engine.start();
    if ((await engine.docker(['image', 'inspect', 'bb'], { allowFail: true })).code !== 0) {
      await engine.docker(['load', '--input', await busyboxArchive(host)]);
    }
    return engine;
  }

  /** Starts dockerd again after {@link stop} or {@link kill9}. */
  async start(): Promise<void> {
    this.#daemon = await this.host.spawn([...dockerdCommand(this.host.cgroup), ...this.#flags]);
    await this.#daemon.waitFor(/API listen on/);
  }

  /** Runs the docker client in the host. @throws Error with its words when it fails, unless allowFail */
  docker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.host.exec(dockerCommand(args), { ...options, env: { ...CLIENT_ENVIRONMENT, ...options.env } });
  }

  /** Runs docker-compose on the text of a compose file; project name `project`. */
  compose(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.host.exec(['docker-compose', '-p', 'project', '-f', '-', ...args], {
      timeout: 60_000,
      ...options,
      input: file,
      env: { ...CLIENT_ENVIRONMENT, ...options.env },
    });
  }

  /** The docker client's standard output, trimmed. */
  async ask(...args: readonly string[]): Promise<string> {
    return (await this.docker(args)).stdout.trim();
  }

  /** The network namespace of a running container. */
  async container(name: string): Promise<Place> {
    return this.host.process(Number(await this.ask('inspect', '-f', '{{.State.Pid}}', name)));
  }

  /** What dockerd has logged since it was started last. */
  get log(): string {
    return this.#daemon?.output ?? '';
  }

  /** Pid of dockerd as the machine sees it; undefined when it does not run. */
  get pid(): number | undefined {
    return this.#daemon?.running === true ? this.#daemon.pid : undefined;
  }

  /** Ends dockerd as `systemctl stop docker` would. */
  async stop(): Promise<void> {
    await this.#daemon?.kill('SIGTERM');
  }

  /** Ends dockerd with SIGKILL: it says goodbye to nobody. Its containerd goes with it, containers stay. */
  async kill9(): Promise<void> {
    const containerd = await this.host.sh('cat /run/docker/containerd/containerd.pid');
    await this.#daemon?.kill('SIGKILL');
    // the next dockerd would take a containerd that is just dying for a good one and wait 10 s for it
    while (existsSync(this.host.path(`/proc/${containerd}`))) await setTimeout(2);
  }

  /** {@link stop}, then {@link start}. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon?.running !== true) return;
    await this.stop();
  }
}
