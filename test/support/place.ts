import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from './agent-client.ts';
import type { ProbeResult, Proto } from './agent-protocol.ts';
import { Background } from './background.ts';
import { run, type RunOptions, type RunResult } from './run.ts';

/** How a connection is tried. */
export interface ReachOptions {
  /** tcp unless told. */
  readonly proto?: Proto;
  /** Milliseconds for connection and answer together; 700 unless told. */
  readonly timeoutMs?: number;
  readonly sourceAddress?: string;
  readonly sourcePort?: number;
}

/** How a server answers. */
export interface ServeOptions {
  /** Plain address to bind; unless told `::` (both families), and `0.0.0.0` for udp. */
  readonly address?: string;
  /** answer (unless told): says TEXT and from where the client seems to come, then closes. echo: keeps the connection. */
  readonly mode?: 'answer' | 'echo';
}

/** A server that runs until disposed (or until its host ends). */
export interface Serving extends AsyncDisposable {
  readonly port: number;
}

/** A connection, or a udp socket with a fixed source port, that stays open. */
export interface Flow extends AsyncDisposable {
  readonly local: { readonly address: string; readonly port: number };
  /** Sends and gives what comes back, '' when nothing does within `timeoutMs`. */
  send(text: string, timeoutMs?: number): Promise<string>;
}

/**
 * Somewhere a program can run: the namespaces of a private host, with the network namespace of the
 * host itself or of one of its sandboxes.
 */
export class Place {
  /** Command words that enter the place. */
  readonly enter: readonly string[];
  readonly #pid: number;
  readonly #network: { readonly network?: string };
  readonly #agent: { started?: Agent };

  /**
   * @param pid first process of the host, as the machine sees it
   * @param elsewhere path, inside the host, of another network namespace than the host's own, and the place that is the host itself
   */
  constructor(pid: number, elsewhere?: { readonly network: string; readonly host: Place }) {
    const network = elsewhere === undefined ? '-n' : `--net=/proc/${String(pid)}/root${elsewhere.network}`;
    this.enter = ['nsenter', '-t', String(pid), '-m', '-u', '-p', network, '--'];
    this.#pid = pid;
    this.#network = elsewhere === undefined ? {} : { network: elsewhere.network };
    // one agent works for all namespaces of a host: a process that stays in a sandbox would keep it alive when a test removes it
    this.#agent = elsewhere === undefined ? {} : elsewhere.host.#agent;
  }

  /** The network namespace behind a path of this host. */
  network(path: string): Place {
    return new Place(this.#pid, { network: path, host: this });
  }

  /** A named network namespace of this host (`ip netns add NAME`). */
  netns(name: string): Place {
    return this.network(`/run/netns/${name}`);
  }

  /** The network namespace of a process, by its pid inside the host (e.g. docker inspect's State.Pid). */
  process(innerPid: number): Place {
    return this.network(`/proc/${String(innerPid)}/ns/net`);
  }

  /** Runs a program here to its end; see {@link run}. */
  exec(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run([...this.enter, ...command], options);
  }

  /** Runs a shell script here and gives its standard output without the last newline. */
  async sh(script: string, options: RunOptions = {}): Promise<string> {
    return (await this.exec(['sh', '-ec', script], options)).stdout.replace(/\n$/, '');
  }

  /** Starts a program here that goes on in the background; resolves when it has been started, not when it is ready. */
  async spawn(command: readonly string[], options: { readonly env?: Readonly<Record<string, string>> } = {}): Promise<Background> {
    const [file = '', ...args] = [...this.enter, 'sh', '-c', 'echo $$ >&3; exec 3>&-; exec "$@"', 'sh', ...command];
    const child = spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
    const told = child.stdio[3];
    if (!told) throw new Error('no pipe for the pid');
    const [data] = (await Promise.race([once(told, 'data'), once(child, 'close').then(() => ['0'])])) as [Buffer | string];
    if (String(data) === '0') throw new Error(`${command.join(' ')} could not be started`);
    return new Background(child, Number(String(data)));
  }

  /** Starts a tiny server here; resolves when it listens. Port 0 lets the kernel choose. */
  async serve(port: number, proto: Proto, text: string, options: ServeOptions = {}): Promise<Serving> {
    const agent = this.#open();
    const address = options.address ?? (proto === 'udp' ? '0.0.0.0' : '::');
    const served = await agent.ask({ do: 'serve', proto, address, port, text, mode: options.mode ?? 'answer', ...this.#network });
    return { port: served.value as number, [Symbol.asyncDispose]: () => close(agent, served.id) };
  }

  /** Tries to connect from here and says what became of it. */
  async probe(address: string, port: number, options: ReachOptions = {}): Promise<ProbeResult> {
    const agent = this.#open();
    const { proto = 'tcp', timeoutMs = 700, ...source } = options;
    const { value } = await agent.ask({ do: 'probe', proto, address, port, timeoutMs, ...source, ...this.#network });
    return value as ProbeResult;
  }

  /** Whether something answers there (for tcp: accepts). */
  async canReach(address: string, port: number, options: ReachOptions = {}): Promise<boolean> {
    const { outcome } = await this.probe(address, port, options);
    return outcome === 'answered' || outcome === 'connected';
  }

  /** Opens a connection (tcp) or a connected socket (udp) that stays. @throws Error with the error's symbol */
  async connect(address: string, port: number, options: ReachOptions = {}): Promise<Flow> {
    const agent = this.#open();
    const { proto = 'tcp', timeoutMs = 700, ...source } = options;
    const opened = await agent.ask({ do: 'open', proto, address, port, timeoutMs, ...source, ...this.#network });
    return {
      local: opened.value as Flow['local'],
      send: async (text, limit = 700) => (await agent.ask({ do: 'send', of: opened.id, text, timeoutMs: limit })).value as string,
      [Symbol.asyncDispose]: () => close(agent, opened.id),
    };
  }

  #open(): Agent {
    if (this.#agent.started?.running !== true) {
      this.#agent.started = Agent.start(['nsenter', '-t', String(this.#pid), '-m', '-u', '-p', '-n', '--']);
    }
    return this.#agent.started;
  }
}

/** Closes what a request opened, unless everything there has ended already. */
async function close(agent: Agent, id: number): Promise<void> {
  if (agent.running) await agent.ask({ do: 'close', of: id });
}
