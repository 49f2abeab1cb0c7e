import { on } from 'node:events';
import type { Attached } from './lab-machine.ts';
import { patient } from './patience.ts';
import type { Running } from './running.ts';

const SCRIPT = 'bench/inside/stream.ts';
const PORT = 5201;

/** ms, besides those of a measurement, after which nothing is to be expected any more. */
const PATIENCE = 20_000;

/** TCP from one endpoint to another, for as long as somebody asks how fast it is. */
export class Stream implements AsyncDisposable {
  readonly #sink: Running;
  readonly #source: Running;
  readonly #lines: AsyncIterator<unknown[]>;

  private constructor(sink: Running, source: Running) {
    this.#sink = sink;
    this.#source = source;
    this.#lines = on(source.lines(), 'line');
  }

  /** @param address plain, of the one that takes it */
  static async open(from: Pick<Attached, 'machine' | 'name'>, to: Pick<Attached, 'machine' | 'name'>, address: string): Promise<Stream> {
    await using stack = new AsyncDisposableStack();
    const sink = stack.use(await to.machine.start(to.machine.within(to.name, to.machine.script(SCRIPT, 'sink', String(PORT)))));
    await sink.waitFor(/ready/);
    const source = stack.use(await from.machine.start(from.machine.within(from.name, from.machine.script(SCRIPT, 'source', address, String(PORT)))));
    stack.move();
    return new Stream(sink, source);
  }

  /** Gbit/s, over so many ms. @throws Error when nothing gets through */
  async rate(ms: number): Promise<number> {
    this.#source.write(`bytes ${String(ms)}`);
    const line = await this.#answer(ms + patient(PATIENCE));
    const rate = Number(line) * 8e-9;
    if (!(rate > 0)) throw new Error(`no TCP: ${this.#source.output.slice(-500)}${this.#sink.output.slice(-500)}`);
    return rate;
  }

  async #answer(limit: number): Promise<unknown> {
    const over = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => over.resolve(undefined), limit);
    const next = this.#lines.next().then(({ value }) => (value as readonly unknown[] | undefined)?.[0]);
    return Promise.race([next, over.promise]).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#source.kill(), this.#sink.kill()]);
  }
}
