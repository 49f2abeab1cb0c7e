import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Health } from './health.ts';

/** Servers that were asked for nothing are asked whether they are there, ms. What keeps a lease alive counts too. */
const QUIET = 5000;

/** Servers that do not answer are tried again, ms. */
const FIRST_TRY = 200;
const LONGEST_WAIT = 3000;

/** Finds out that the servers went away, or came back, while nobody asks them for anything. */
export class Pulse implements Disposable {
  readonly #health: Health;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #ask: () => Promise<unknown>;
  readonly #listening: Disposable;
  #timer: Disposable | undefined;
  /** When they were last asked by this one, ms. A refused login, for one, is nothing that `health` hears of. */
  #asked = -Infinity;
  #isAsking = false;
  #isOver = false;

  /** @param ask a request that every server can answer; its outcome is told to `health` */
  constructor(health: Health, clock: Clock, random: () => number, ask: () => Promise<unknown>) {
    this.#health = health;
    this.#clock = clock;
    this.#backoff = new Backoff(FIRST_TRY, LONGEST_WAIT, random);
    this.#ask = ask;
    this.#listening = health.on(() => this.#arm());
    this.#arm();
  }

  /** Asks now: somebody has a reason to doubt. */
  soon(): void {
    void this.#beat();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#listening[Symbol.dispose]();
  }

  #arm(): void {
    if (this.#isOver || this.#isAsking) return;
    this.#timer?.[Symbol.dispose]();
    const { isReachable } = this.#health.now;
    if (isReachable) this.#backoff.reset();
    const wait = isReachable ? Math.max(QUIET - this.#silence, 1) : this.#backoff.next();
    this.#timer = this.#clock.after(wait, () => {
      if (this.#health.now.isReachable && this.#silence < QUIET) this.#arm();
      else void this.#beat();
    });
  }

  async #beat(): Promise<void> {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    // Whoever waits for the servers hears of it by their health, which has the reason.
    await this.#ask().catch(() => {});
    this.#isAsking = false;
    this.#asked = this.#clock.now();
    this.#arm();
  }

  /** ms since an answer, or since they were asked for one. */
  get #silence(): number {
    return Math.min(this.#health.silence, this.#clock.now() - this.#asked);
  }
}
