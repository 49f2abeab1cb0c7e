import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Place } from '../../test/support/place.ts';
import type { CrowdPlan, CrowdReply, CrowdRequest } from './protocol.ts';

const SCRIPT = fileURLToPath(new URL('../scale.ts', import.meta.url));

/** A process of simulated hosts. */
export class Crowd implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Resolves when it can be asked. @param place where its hosts reach etcd */
  static async start(place: Place, plan: CrowdPlan): Promise<Crowd> {
    const [file = '', ...args] = [...place.enter, process.execPath, '--disable-warning=ExperimentalWarning', SCRIPT, 'crowd', JSON.stringify(plan)];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const crowd = new Crowd(child, createInterface({ input: child.stdout }));
    await crowd.#next();
    return crowd;
  }

  /** @throws Error with what went wrong there */
  async ask(request: CrowdRequest): Promise<CrowdReply> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const reply = JSON.parse(await this.#next()) as CrowdReply;
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const over = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await over;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('a process of simulated hosts has ended');
    return value;
  }
}
