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
  readonly counters: Counters;
  /** Questions that wait for an answer from outside. */
  waiting = 0;
  /** Its TCP connections. */
  readonly connections: Set<Closable> = new Set();
  readonly #inside: AskerState | undefined;
  #servers: ServerSet | 'host' | undefined;
  #atGateway: AskerState | undefined;

  /** @param inside the same asker in its own namespace, for one at a gateway */
  constructor(id: string, inside?: AskerState) {
    this.id = id;
    this.#inside = inside;
    this.counters = inside?.counters ?? new Counters();
  }

  /** Who is asked about names that nobody has here; undefined: nobody. `host`: the host's servers at that moment. */
  get servers(): ServerSet | 'host' | undefined {
    return this.#inside === undefined ? this.#servers : this.#inside.servers;
  }

  set servers(servers: ServerSet | 'host' | undefined) {
    this.#servers = servers;
  }

  /**
   * The same asker at a gateway, where neighbours can take its address: what waits and is connected there is a share
   * of its own, so that it loses nothing inside.
   */
  get atGateway(): AskerState {
    return (this.#atGateway ??= new AskerState(this.id, this));
  }

  /** Closes the connection that has been silent longest. */
  makeRoom(): void {
    let oldest: Closable | undefined;
    for (const connection of this.connections) if (oldest === undefined || connection.aliveAt < oldest.aliveAt) oldest = connection;
    oldest?.close();
  }

  /** What it has asked, and holds now. */
  read(): AskerCounts {
    const { waiting = 0, connections } = this.#atGateway ?? {};
    return { id: this.id, ...this.counters.read(), waiting: this.waiting + waiting, connections: this.connections.size + (connections?.size ?? 0) };
  }
}
