import { fileURLToPath } from 'node:url';
import type { Controller } from '../../src/controller/controller.ts';
import type { ControllerEvent } from '../../src/controller/events.ts';
import type { EngineDoor } from '../../src/controller/engine-door.ts';
import { NetworkError, type ErrorCode } from '../../src/common/error.ts';
import type { Background } from './background.ts';
import { PATIENCE } from './patience.ts';
import type { Place } from './place.ts';
import { prepareFirewall, type TestFirewall } from './test-firewall.ts';

interface Reply {
  readonly id?: number;
  readonly value?: unknown;
  readonly code?: ErrorCode;
  readonly message?: string;
  readonly event?: ControllerEvent;
  readonly instance?: string;
}

/** The methods of a class, all of them asynchronous. */
export type Remote<T> = { [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never };

interface RemoteOptions {
  readonly stateFolder?: string;
  readonly firewall?: TestFirewall;
}

/** A controller that runs in a private host, and its calls from outside. */
export class RemoteController implements AsyncDisposable {
  readonly process: Background;
  readonly events: ControllerEvent[] = [];
  /** Eight hex digits that its kernel objects carry. */
  instance = '';
  readonly controller: Remote<Controller>;
  readonly engine: Remote<EngineDoor>;
  readonly #options: RemoteOptions;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #seen = 0;
  #next = 1;

  private constructor(process: Background, options: RemoteOptions) {
    this.process = process;
    this.#options = options;
    this.controller = this.#remote<Controller>('');
    this.engine = this.#remote<EngineDoor>('engine.');
  }

  /** Opens a controller there; resolves when it is ready. @throws Error with what it printed when it does not come up */
  static async start(place: Place, options: RemoteOptions = {}): Promise<RemoteController> {
    const script = fileURLToPath(new URL('controller-agent.ts', import.meta.url));
    const child = await place.spawn([process.execPath, script, options.stateFolder ?? '/var/lib/netctl', await prepareFirewall(place, options.firewall)]);
    const remote = new RemoteController(child, options);
    await child.waitFor(/"ready":true/);
    remote.#read();
    return remote;
  }

  /** SIGKILL, as by the kernel's out-of-memory killer. */
  async kill9(): Promise<void> {
    await this.process.kill('SIGKILL');
  }

  /** Ends it in good order: networks and sandboxes stay. */
  async stop(): Promise<void> {
    this.process.closeInput();
    await this.process.ended;
  }

  /**
   * Removes all sandboxes and networks. Where a test has ended the controller and failed before it
   * started another one, another one is started, so that the next test, or its second try, finds what it needs.
   * @returns the one that runs
   */
  async cleared(place: Place, options: { readonly force?: boolean } = {}): Promise<RemoteController> {
    const remote = this.process.running ? this : await RemoteController.start(place, this.#options);
    for (const { name } of await remote.controller.sandboxes()) await remote.controller.removeSandbox(name);
    for (const { name } of await remote.controller.networks()) await remote.controller.removeNetwork(name, options);
    return remote;
  }

  /** Resolves with the first event, past or to come, that satisfies. */
  async event(wanted: (event: ControllerEvent) => boolean, timeoutMs: number = PATIENCE): Promise<ControllerEvent> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      this.#read();
      const found = this.events.find(wanted);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no such event; there were ${this.events.map(({ type, action, name }) => `${type} ${action} ${name}`).join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  #remote<T>(prefix: string): Remote<T> {
    return new Proxy({} as Remote<T>, { get: (_target, name) => (...args: readonly unknown[]) => this.#call(`${prefix}${String(name)}`, args) });
  }

  async #call(call: string, args: readonly unknown[]): Promise<unknown> {
    const id = this.#next++;
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.process.write(`${JSON.stringify({ id, call, args })}\n`);
    const poll = setInterval(() => this.#read(), 1);
    try {
      const ended = this.process.ended.then(({ code, signal }): Reply => ({ code: 'UNAVAILABLE', message: `the controller has ended (${signal ?? code}): ${this.process.output.slice(-2000)}` }));
      const { code, message, value } = await Promise.race([reply, ended]);
      if (code !== undefined) throw new NetworkError(code, message ?? '');
      return value;
    } finally {
      clearInterval(poll);
    }
  }

  #read(): void {
    const end = this.process.output.lastIndexOf('\n') + 1;
    const fresh = this.process.output.slice(this.#seen, end);
    this.#seen = end;
    for (const line of fresh.split('\n').filter((text) => text.startsWith('{'))) {
      const reply = JSON.parse(line) as Reply;
      if (reply.event !== undefined) this.events.push(reply.event);
      if (reply.instance !== undefined) this.instance = reply.instance;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
    }
  }
}
