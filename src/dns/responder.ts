import type { AskerState } from './asker-state.ts';
import type { Directory, Verdict } from './directory.ts';
import type { Forwarder, Source } from './forwarder.ts';

/** Answers queries, whatever way they come: from what has a name here, else through the {@link Forwarder}. */
export class Responder {
  readonly #directory: Directory;
  readonly #forwarder: Forwarder;
  readonly #onDefect: (error: unknown) => void;

  /** @param onDefect is told of a packet that made the code throw: it gets no answer, and nobody else notices */
  constructor(directory: Directory, forwarder: Forwarder, onDefect: (error: unknown) => void) {
    this.#directory = directory;
    this.#forwarder = forwarder;
    this.#onDefect = onDefect;
  }

  /**
   * Answers the packet between `start` and `end`.
   *
   * @param out gets the answer
   * @param limit bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP
   * @returns the answer's length; 0 when there is none, or when it comes later by the source's route
   */
  respond(state: AskerState, packet: Uint8Array, start: number, end: number, out: Uint8Array, limit: number, source: Source): number {
    const { counters } = state;
    counters.queries++;
    try {
      const verdict: Verdict = this.#directory.answer(state.id, packet, start, end, out, limit);
      if (verdict === 'forward') return this.#forwarder.forward(state, packet, start, end, out, limit, source);
      if (verdict !== 'drop') {
        counters.answered('local', out);
        return verdict;
      }
    } catch (error) {
      this.#onDefect(error);
    }
    counters.dropped++;
    return 0;
  }
}
