import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { once } from 'node:events';
import { run } from '../../test/support/run.ts';
import type { GroundMachine } from './ground.ts';
import { patient } from './patience.ts';

/** So much of what a program said is kept, characters. */
const KEPT = 1 << 22;

/** A program that goes on in a machine, wherever that is; disposing kills it. */
export class Running implements AsyncDisposable {
  /** Resolves when it has ended, or can be heard no more. */
  readonly ended: Promise<void>;
  /** What it printed so far, stdout and stderr as they came. */
  output = '';
  readonly #machine: GroundMachine;
  readonly #child: ChildProcess;
  readonly #pid: number;
  #isOver = false;

  private constructor(machine: GroundMachine, child: ChildProcess, pid: number) {
    this.#machine = machine;
    this.#child = child;
    this.#pid = pid;
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (this.output = (this.output + text).slice(-KEPT)));
    this.ended = once(child, 'close').then(() => void (this.#isOver = true));
  }

  /** Resolves when it has been started, not when it is ready. */
  static async start(machine: GroundMachine, command: readonly string[]): Promise<Running> {
    const [file = '', ...args] = machine.wrap(['sh', '-c', 'echo $$; exec "$@"', 'sh', ...command]);
    const child = spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {}); // its machine may lose power
    const [first] = (await Promise.race([once(child.stdout, 'data'), once(child, 'close').then(() => [''])])) as [Buffer | string];
    const [pid = '', ...rest] = String(first).split('\n');
    if (!(Number(pid) > 0)) throw new Error(`${command.join(' ')} could not be started on ${machine.name}`);
    const running = new Running(machine, child, Number(pid));
    running.output = rest.join('\n');
    return running;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Lines of its standard output from now on. */
  lines(): Interface {
    if (this.#child.stdout === null) throw new Error('its output is not to be had');
    return createInterface({ input: this.#child.stdout });
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Sends a signal that ends it, and resolves when it has ended. */
  async kill(signal: 'KILL' | 'TERM' | 'INT' = 'KILL'): Promise<void> {
    if (this.#isOver) return;
    await run(this.#machine.wrap(['kill', '-s', signal, String(this.#pid)]), { allowFail: true, timeout: patient(15_000) });
    await this.ended;
  }

  /** Resolves with the match as soon as its output matches. @throws Error with its last words, when it ends first or the time is over */
  waitFor(pattern: RegExp, limit = 30_000): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const streams = [this.#child.stdout, this.#child.stderr];
    const check = (): void => {
      const match = pattern.exec(this.output);
      if (match !== null) resolve(match);
    };
    const give = (why: string): void => reject(new Error(`${this.#machine.name}: ${why} before ${String(pattern)} was said; last words:\n${this.output.slice(-2000)}`));
    const timer = setTimeout(give, patient(limit), `${String(patient(limit))} ms were over`);
    for (const stream of streams) stream?.on('data', check);
    void this.ended.then(() => give('the program ended'));
    check();
    return promise.finally(() => {
      clearTimeout(timer);
      for (const stream of streams) stream?.off('data', check);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
