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
    child.once('close', () => {
      this.#over = true;
      for (const [id, waiting] of this.#waiting) waiting({ id, error: 'the agent has ended, with its host or by itself' });
    });
    // an agent must not keep the test run alive
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?: () => void }).unref?.();
  }

  /** Starts an agent behind the given entering command; it ends with its host. */
  static start(enter: readonly string[]): Agent {
    const [file = '', ...args] = [...enter, process.execPath, fileURLToPath(new URL('agent.ts', import.meta.url))];
    return new Agent(spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] }));
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
}
