import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Background } from './background.ts';
import { eventually } from './eventually.ts';
import type { PrivateHost } from './host.ts';

const SCRIPT = fileURLToPath(new URL('sample-plugin.py', import.meta.url));

/** A call that the plugin has heard. */
export interface HeardCall {
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A Docker plugin of somebody else's, in a private host. */
export class SamplePlugin implements AsyncDisposable {
  readonly name: string;
  readonly #host: PrivateHost;
  readonly #process: Background;
  #forgotten = 0;

  private constructor(name: string, host: PrivateHost, process: Background) {
    this.name = name;
    this.#host = host;
    this.#process = process;
  }

  /** Starts it; resolves when it listens. @param options.global whether it says that its networks span hosts */
  static async start(host: PrivateHost, options: { readonly name?: string; readonly socket?: string; readonly state?: string; readonly global?: boolean } = {}): Promise<SamplePlugin> {
    const { name = 'sample', socket = `/run/docker/plugins/${name}.sock`, state = `/run/${name}-plugin.json`, global = false } = options;
    await host.sh(`mkdir -p ${socket.replace(/\/[^/]*$/, '')}`);
    const process = await host.spawn(['python3', SCRIPT, socket, state, ...(global ? ['global'] : [])]);
    await process.waitFor(/^up$/m);
    return new SamplePlugin(name, host, process);
  }

  /** What it has heard since {@link forget}, in order. */
  heard(): HeardCall[] {
    const lines = this.#process.output.slice(this.#forgotten).split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as HeardCall);
  }

  /** The methods of {@link heard}, without their type. */
  methods(): string[] {
    return this.heard().map(({ method }) => method.replace(/^\w+\./, ''));
  }

  /** What was heard until now does not count any more. */
  forget(): void {
    this.#forgotten = this.#process.output.length;
  }

  /** Resolves when it has done what it stalls at (`METHOD=stall`), since {@link forget}. */
  async stalls(): Promise<void> {
    const since = (): string => this.#process.output.slice(this.#forgotten);
    assert.match(await eventually(async () => since(), (output) => output.includes('stalls')), /^stalls$/m);
  }

  /** What it holds: ids of networks and endpoints, and addresses by pool. */
  async holds(): Promise<{ readonly networks: number; readonly endpoints: number; readonly addresses: readonly string[] }> {
    const state = JSON.parse(await this.#host.sh(`cat /run/${this.name}-plugin.json 2>/dev/null || echo '{"networks": {}, "endpoints": {}, "pools": {}}'`)) as {
      networks: object;
      endpoints: object;
      pools: Record<string, { taken: object }>;
    };
    return { networks: Object.keys(state.networks).length, endpoints: Object.keys(state.endpoints).length, addresses: Object.values(state.pools).flatMap(({ taken }) => Object.keys(taken)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
