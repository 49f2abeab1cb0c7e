import type { Server } from './server-set.ts';

/** Servers that are remembered as silent; `--dns` may name any number. */
const MOST_REMEMBERED = 4096;

/** Remembers which servers did not answer, so that not every question waits for them. */
export class UpstreamHealth {
  /** When a silent server is tried again, by its id. */
  readonly #shunned = new Map<string, number>();
  readonly #time: number;
  readonly #now: () => number;

  /** @param time ms that a silent server is asked last */
  constructor(time: number, now: () => number) {
    this.#time = time;
    this.#now = now;
  }

  /** It did not answer in time, or cannot be reached. */
  silent(server: Server): void {
    this.#shunned.delete(server.id);
    this.#shunned.set(server.id, this.#now() + this.#time);
    const [oldest] = this.#shunned.keys();
    if (this.#shunned.size > MOST_REMEMBERED && oldest !== undefined) this.#shunned.delete(oldest);
  }

  answered(server: Server): void {
    this.#shunned.delete(server.id);
  }

  /**
   * Who is asked, one step after the other: in the order given, but those that were silent last. When
   * one of these has had its time, the next question goes to it and to the first good one at once: if it is
   * back it has its place again, and if not nobody has waited.
   *
   * @param steps how many; the first ones come again where there are no more
   */
  plan(servers: readonly Server[], steps: number): Server[][] {
    const good = servers.filter(({ id }) => !this.#shunned.has(id));
    const bad = servers.filter(({ id }) => this.#shunned.has(id));
    const [first] = good;
    const tried = first === undefined ? [] : bad.filter(({ id }) => (this.#shunned.get(id) ?? 0) <= this.#now());
    for (const server of tried) this.silent(server);
    const inOrder = [...good, ...bad.filter((server) => !tried.includes(server))];
    const plan = inOrder.map((server) => (server === first ? [server, ...tried] : [server]));
    for (let index = 0; plan.length < steps && plan.length > 0; index++) plan.push(plan[index] ?? []);
    return plan.slice(0, steps);
  }
}
