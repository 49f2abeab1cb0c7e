import { Counters } from './counters.ts';
import type { AskerCounts } from './dns-stats.ts';
import type { ServerSet } from './server-set.ts';

/** A connection that can be told to make room. */
export interface Closable {
  /** When it was last seen alive, by the clock and give or take the same time for all. */
  readonly aliveAt: number;
  close(): void;
}

/** One asker while it is served: what it is to be asked of, what it holds, what it has asked so far. */
export class AskerState {
  readonly id: string;
  readonly counters: Counters = new Counters();
  /** Who is asked about names that nobody has here; undefined: nobody. `host`: the host's servers at that moment. */
  servers: ServerSet | 'host' | undefined;
  /** Questions that wait for an answer from outside. */
  waiting = 0;
  /** Its TCP connections. */
  readonly connections: Set<Closable> = new Set();

  constructor(id: string) {
    this.id = id;
  }

  /** Closes the connection that has been silent longest. */
  makeRoom(): void {
    let oldest: Closable | undefined;
    for (const connection of this.connections) if (oldest === undefined || connection.aliveAt < oldest.aliveAt) oldest = connection;
    oldest?.close();
  }

  /** What it has asked, and holds now. */
  read(): AskerCounts {
    return { id: this.id, ...this.counters.read(), waiting: this.waiting, connections: this.connections.size };
  }
}
