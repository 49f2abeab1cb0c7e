import type { Directory } from '../cluster/directory.ts';
import type { HostRecord } from '../cluster/records.ts';

/** So long after its lease a host that is gone still counts, ms: the leases of all may be over because the store was away. */
const GRACE = 5_000;

/** Who hears of hosts. */
export interface HostsListener {
  /** What the host has counts now, or elsewhere, or no more. */
  readonly changed: (id: string) => void;
  /** It has been gone for too long. */
  readonly lost: (host: HostRecord) => void;
}

/** The hosts of a cluster that count: those that are there, and those that were a moment ago. */
export class ClusterHosts implements Disposable {
  readonly #directory: Directory;
  readonly #listener: HostsListener;
  readonly #counting = new Map<string, HostRecord>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();

  constructor(directory: Directory, listener: HostsListener) {
    this.#directory = directory;
    this.#listener = listener;
  }

  /** By their ids. */
  get all(): ReadonlyMap<string, HostRecord> {
    return this.#counting;
  }

  /** Those of an earlier life: the store may be away, and so may their leases be when it is back. */
  recall(hosts: readonly HostRecord[]): void {
    for (const host of hosts) this.#counting.set(host.id, host);
  }

  /** A host came, changed or went. */
  hear(id: string): void {
    const host = this.#directory.hosts.get(id);
    clearTimeout(this.#leaving.get(id));
    this.#leaving.delete(id);
    if (host === undefined) {
      if (this.#counting.has(id)) this.#leaving.set(id, setTimeout(() => this.#lose(id), GRACE).unref());
      return;
    }
    this.#counting.set(id, host);
    this.#listener.changed(id);
  }

  /** The directory has been read for the first time: those of an earlier life that are not in it are in no news. */
  missed(): void {
    for (const id of this.#counting.keys()) if (!this.#directory.hosts.has(id)) this.hear(id);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
  }

  #lose(id: string): void {
    const host = this.#counting.get(id);
    this.#leaving.delete(id);
    this.#counting.delete(id);
    if (host !== undefined) this.#listener.lost(host);
    this.#listener.changed(id);
  }
}
