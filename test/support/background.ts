import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PATIENCE } from './patience.ts';

/** How a program ended. */
export interface Ending {
  /** Exit code; 128 + number is not used: a signal leaves it undefined. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** A program that runs in the background; disposing kills it and waits for its end. */
export class Background implements AsyncDisposable {
  /** Pid as the machine sees it. */
  readonly pid: number;
  /** Pid inside the private host. */
  readonly innerPid: number;
  /** Settles when the program has ended. */
  readonly ended: Promise<Ending>;
  /** Everything it printed so far, stdout and stderr as they came. */
  output = '';
  readonly #child: ChildProcess;
  #over = false;

  constructor(child: ChildProcess, innerPid: number) {
    this.#child = child;
    this.innerPid = innerPid;
    this.pid = onlyChild(child.pid ?? 0);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.ended = new Promise((resolve) => {
      // not 'close': what it started may hold its output open
      child.once('exit', (code, signal) => {
        this.#over = true;
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  }

  /** Whether it still runs. */
  get running(): boolean {
    return !this.#over;
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its standard input. */
  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Sends a signal to the program itself (not to its children) and, for one that ends it, resolves when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending | undefined> {
    if (!this.#over) process.kill(this.pid, signal);
    return ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGQUIT'].includes(signal) ? this.ended : undefined;
  }

  /**
   * Resolves with the match as soon as the output matches.
   * @throws Error with the output so far when the program ends first or `timeoutMs` pass
   */
  waitFor(pattern: RegExp, timeoutMs: number = PATIENCE): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const streams = [this.#child.stdout, this.#child.stderr];
      const stop = (): void => {
        clearTimeout(timer);
        for (const stream of streams) stream?.off('data', check);
      };
      const check = (): void => {
        const match = pattern.exec(this.output);
        if (match === null) return;
        stop();
        resolve(match);
      };
      const give = (why: string): void => {
        stop();
        reject(new Error(`${why} before ${String(pattern)} was printed; output:\n${this.output}`));
      };
      const timer = setTimeout(() => give(`${String(timeoutMs)} ms passed`), timeoutMs);
      for (const stream of streams) stream?.on('data', check);
      void this.ended.then(() => setTimeout(give, 50, 'the program ended')); // its last words may still be in the pipe
      check();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
  }
}

/** nsenter forks to enter a PID namespace; its one child is the program. */
function onlyChild(pid: number): number {
  const child = Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').trim().split(' ')[0]);
  if (!child) throw new Error(`process ${String(pid)} has no child`);
  return child;
}
