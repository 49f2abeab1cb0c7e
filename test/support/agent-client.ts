import { createInterface } from 'node:readline';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { AgentReply, AgentRequest } from './agent-protocol.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The test's end of an agent process. */
export class Agent {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (reply: AgentReply) => void>();
  readonly #ended: Promise<void>;
  #next = 1;
  #over = false;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdin.on('error', () => {}); // told by the end of the process
    createInterface({ input: child.stdout }).on('line', (line) => {
      const reply = JSON.parse(line) as AgentReply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#over = true;
        for (const [id, waiting] of this.#waiting) waiting({ id, error: 'the agent has ended, with its host or by itself' });
        resolve();
      });
    });
    // an agent must not keep the test run alive
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?: () => void }).unref?.();
  }

  /** Starts an agent behind the given entering command. */
  static start(place: { readonly enter: readonly string[] }): Promise<Agent> {
    const [file = '', ...args] = [...place.enter, process.execPath, fileURLToPath(new URL('agent.ts', import.meta.url))];
    return Promise.resolve(new Agent(spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] })));
  }

  /** Whether it still runs. */
  get running(): boolean {
    return !this.#over;
  }

  /** Asks one thing. @throws Error with the agent's words */
  async ask(request: WithoutId<AgentRequest>): Promise<{ readonly id: number; readonly value: unknown }> {
    const id = this.#next++;
    if (this.#over) throw new Error('the agent has ended');
    const reply = await new Promise<AgentReply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin.write(`${JSON.stringify({ ...request, id })}\n`);
    });
    if (reply.error !== undefined) throw new Error(reply.error);
    return { id, value: reply.value };
  }

  /** Ends it; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
