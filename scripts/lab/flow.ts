import type { Attached } from './lab-machine.ts';
import type { Running } from './running.ts';
import { until } from './until.ts';

/** ms between two packets. */
const PACE = 10;

/** ms in which one has to be answered after everything. */
const END = 20_000;

/** What became of a flow. */
export interface FlowResult {
  readonly sent: number;
  readonly lost: number;
  /** ms: the longest time in which nothing was answered. */
  readonly gap: number;
}

/** A flow between two endpoints: a hundred pings a second, by one process that goes on until it is stopped or disposed. */
export class Flow implements AsyncDisposable {
  readonly #ping: Running;

  private constructor(ping: Running) {
    this.#ping = ping;
  }

  /** Resolves when its first packet was answered; from then on all are to be. */
  static async start({ name, machine, space }: Attached, address: string): Promise<Flow> {
    // Whoever asks at once may be quicker than the news of who is there.
    await until(`${name} reaches ${address}`, () => machine.pings(space, address));
    await using stack = new AsyncDisposableStack();
    const ping = stack.use(await machine.start(machine.within(space, ['ping', '-n', '-D', '-i', String(PACE / 1000), address])));
    await ping.waitFor(/icmp_seq=1 .*time=/);
    stack.move();
    return new Flow(ping);
  }

  /** Ends it, after one more answer, and says what became of it. @throws Error when nothing is answered any more */
  async stop(): Promise<FlowResult> {
    const before = this.#answers().length;
    // A silence counts when it is over: one that lasts would be in no gap between answers.
    await until('packets are answered again', () => Promise.resolve(this.#answers().length > before), END).finally(() => this.#ping.kill('INT'));
    const { output } = this.#ping;
    const answers = this.#answers();
    const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1]);
    if (!(sent > 0) || sent > 65_000) throw new Error(`the flow cannot be judged:\n${output.slice(-300)}`);
    // The last one may have been on its way when it was ended.
    const expected = answers.at(-1)?.number === sent ? sent : sent - 1;
    const gap = Math.max(0, ...answers.slice(1).map(({ time }, index) => time - (answers[index]?.time ?? time)));
    return { sent, lost: Math.max(0, expected - new Set(answers.map(({ number }) => number)).size), gap };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ping.kill();
  }

  #answers(): readonly { readonly time: number; readonly number: number }[] {
    return [...this.#ping.output.matchAll(/^\[(\d+\.\d+)\] .*icmp_seq=(\d+) .*time=/gm)].map(([, time, number]) => ({ time: Number(time) * 1000, number: Number(number) }));
  }
}
