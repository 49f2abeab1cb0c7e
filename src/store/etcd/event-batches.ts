import type { StoreBatch } from '../shared-store.ts';
import type { StoreEvent } from '../store.ts';
import type { KeySpace } from './key-space.ts';
import { valueOf } from './list-entries.ts';
import type { WatchAnswer } from './messages.ts';

/** Puts what a watch of etcd says together again: answers may hold several commits, and a commit may come in several answers. */
export class EventBatches {
  readonly #keys: KeySpace;
  #revision: number;
  #part: StoreEvent[] = [];
  #partRevision = 0;

  /** @param revision up to which everything is known already */
  constructor(keys: KeySpace, revision: number) {
    this.#keys = keys;
    this.#revision = revision;
  }

  /** How far it has come. */
  get revision(): number {
    return this.#revision;
  }

  /** A new connection begins after {@link revision}: what came of a later commit comes again. */
  restart(): void {
    this.#part = [];
  }

  /** The whole commits that an answer completes. @throws {NetworkError} CORRUPT for a value that somebody else wrote */
  add(answer: WatchAnswer): readonly StoreBatch[] {
    const whole: StoreBatch[] = [];
    for (const { type, kv = {} } of answer.events ?? []) {
      const revision = Number(kv.mod_revision);
      if (revision <= this.#revision) continue;
      if (revision !== this.#partRevision) this.#finish(whole);
      this.#partRevision = revision;
      const key = this.#keys.decode(kv.key ?? '');
      this.#part.push({ key, value: type === 'DELETE' ? undefined : valueOf(key, kv.value), revision });
    }
    if (answer.fragment === true) return whole;
    this.#finish(whole);
    const told = Number(answer.header?.revision ?? 0);
    // Without events it tells how far it has come; that of a new watch says only how far etcd has.
    if (answer.events === undefined && answer.created !== true && told > this.#revision) {
      this.#revision = told;
      whole.push({ revision: told, events: [] });
    }
    return whole;
  }

  #finish(whole: StoreBatch[]): void {
    if (this.#part.length === 0) return;
    this.#revision = this.#partRevision;
    whole.push({ revision: this.#partRevision, events: this.#part });
    this.#part = [];
  }
}
