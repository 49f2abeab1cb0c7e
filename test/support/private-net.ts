import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A network namespace of its own, with a private /run; gone when disposed, or when this process ends. */
export class PrivateNet implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #pid: number;

  private constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.#pid = pid;
  }

  static async start(): Promise<PrivateNet> {
    const script = 'mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up; echo $$; exec cat';
    // Ends when its standard input does.
    const holder = spawn('unshare', ['-n', '-m', '--propagation', 'private', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [pid] = (await once(holder.stdout, 'data')) as [Buffer];
    return new PrivateNet(holder, Number(String(pid)));
  }

  /** Path of a file inside. */
  path(inside: string): string {
    return `/proc/${String(this.#pid)}/root${inside}`;
  }

  /** Path of the network namespace. */
  get network(): string {
    return `/proc/${String(this.#pid)}/ns/net`;
  }

  /** What enters it, before a program's name. */
  get enter(): readonly string[] {
    return ['nsenter', '-t', String(this.#pid), '-n', '-m'];
  }

  /** Runs a program inside; gives its output. @throws Error with what it said */
  run(program: string, args: readonly string[], input = ''): string {
    const [file = '', ...before] = this.enter;
    return execFileSync(file, [...before, program, ...args], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.stdin?.end();
    await once(this.#holder, 'exit');
  }
}
