import type { Server } from './server-set.ts';

/** Servers that are remembered as silent; `--dns` may name any number. */
const MOST_REMEMBERED = 4096;

/** Who is asked, one step after the other; those of one step at once. */
export type Plan = readonly (readonly Server[])[];

/** Remembers which servers did not answer, so that not every question waits for them. */
export class UpstreamHealth {
  /** When a silent server is tried again, by its id. */
  readonly #shunned = new Map<string, number>();
  readonly #plans = new WeakMap<readonly Server[], Plan>();
  readonly #time: number;
  readonly #steps: number;
  readonly #now: () => number;

  /**
   * @param time ms that a silent server is asked last
   * @param steps how many a plan has; the first ones come again where there are no more servers
   */
  constructor(time: number, steps: number, now: () => number) {
    this.#time = time;
    this.#steps = steps;
    this.#now = now;
  }

  /** It did not answer in time. */
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
   * In the order given, but those that were silent last. When one of these has had its time, the next question
   * goes to it and to the first good one at once: if it is back it has its place again, and if not nobody has waited.
   */
  plan(servers: readonly Server[]): Plan {
    if (!servers.some(({ id }) => this.#shunned.has(id))) return this.#planOfGood(servers);
    const good = servers.filter(({ id }) => !this.#shunned.has(id));
    const bad = servers.filter(({ id }) => this.#shunned.has(id));
    const [first] = good;
    const tried = first === undefined ? [] : bad.filter(({ id }) => (this.#shunned.get(id) ?? 0) <= this.#now());
    for (const server of tried) this.silent(server);
    const inOrder = [...good, ...bad.filter((server) => !tried.includes(server))];
    return this.#repeat(inOrder.map((server) => (server === first ? [server, ...tried] : [server])));
  }

  #planOfGood(servers: readonly Server[]): Plan {
    const known = this.#plans.get(servers);
    if (known !== undefined) return known;
    const plan = this.#repeat(servers.map((server) => [server]));
    this.#plans.set(servers, plan);
    return plan;
  }

  #repeat(plan: (readonly Server[])[]): Plan {
    for (let index = 0; plan.length < this.#steps && plan.length > 0; index++) plan.push(plan[index] ?? []);
    return plan.slice(0, this.#steps);
  }
}
