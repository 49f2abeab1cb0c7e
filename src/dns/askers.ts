import { AskerState } from './asker-state.ts';
import { Counters } from './counters.ts';
import type { DnsStats } from './dns-stats.ts';
import type { Asker } from './names.ts';
import { serverSet } from './server-set.ts';

/** Everybody who may ask, and what all of them have asked. */
export class Askers {
  /** Stands for everybody who is nobody. */
  readonly stranger: AskerState = new AskerState('');
  readonly #states = new Map<string, AskerState>();
  /** What those have asked who are gone. */
  readonly #gone = new Counters();

  /** Who has this id; made when there is none yet, so that it may listen before anything is known of it. */
  get(id: string): AskerState {
    const known = this.#states.get(id);
    if (known !== undefined) return known;
    const state = new AskerState(id);
    this.#states.set(id, state);
    return state;
  }

  /** The same, undefined when there is none. */
  find(id: string | undefined): AskerState | undefined {
    return id === undefined ? undefined : this.#states.get(id);
  }

  /** Whom it asks about names that nobody has here. */
  set({ id, servers, namespace, identity, mayUseHostServers, sharesAnswersOf = id }: Asker): void {
    const others = mayUseHostServers ? 'host' : undefined;
    this.get(id).servers = servers.length > 0 ? serverSet(namespace, servers, sharesAnswersOf, identity) : others;
  }

  remove(id: string): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    this.#states.delete(id);
    this.#gone.add(state.counters);
  }

  stats(): DnsStats {
    const all = new Counters();
    for (const { counters } of [this.stranger, { counters: this.#gone }, ...this.#states.values()]) all.add(counters);
    return { all: all.read(), askers: [...this.#states.values()].map((state) => state.read()) };
  }
}
