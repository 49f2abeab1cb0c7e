import type { Attached } from './lab-machine.ts';
import type { Running } from './running.ts';

/** ms between two packets. */
const PACE = 10;

/** What became of a flow. */
export interface FlowResult {
  readonly sent: number;
  readonly lost: number;
  /** ms: the longest time in which nothing was answered. */
  readonly gap: number;
}

/** A flow between two endpoints: a hundred pings a second, by one process that goes on. */
export class Flow {
  readonly #ping: Running;

  private constructor(ping: Running) {
    this.#ping = ping;
  }

  /** Resolves when the first packet was answered. */
  static async start({ machine, space }: Attached, address: string): Promise<Flow> {
    const ping = await machine.start(machine.within(space, ['ping', '-n', '-D', '-i', String(PACE / 1000), address]));
    await ping.waitFor(/icmp_seq=1 /);
    return new Flow(ping);
  }

  /** Ends it and says what became of it. */
  async stop(): Promise<FlowResult> {
    await this.#ping.kill('INT');
    const { output } = this.#ping;
    const answers = [...output.matchAll(/^\[(\d+\.\d+)\] .*icmp_seq=(\d+) .*time=/gm)].map(([, time, number]) => ({ time: Number(time) * 1000, number: Number(number) }));
    const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1]);
    if (!(sent > 0) || sent > 65_000) throw new Error(`the flow cannot be judged:\n${output.slice(-300)}`);
    // The last one may have been on its way when it was ended.
    const expected = answers.at(-1)?.number === sent ? sent : sent - 1;
    const gap = Math.max(0, ...answers.slice(1).map(({ time }, index) => time - (answers[index]?.time ?? time)));
    return { sent, lost: Math.max(0, expected - new Set(answers.map(({ number }) => number)).size), gap };
  }
}
