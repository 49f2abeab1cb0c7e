import type { Resolution } from './resolution.ts';
import type { Waiter } from './waiter.ts';

/** A question on its way, and who waits for its answer. */
export interface AskedQuestion {
  readonly key: string;
  readonly waiters: Waiter[];
  resolution: Resolution | undefined;
  /** Another one whose key has the same hash. */
  next: AskedQuestion | undefined;
}

/** As many as may be on their way without standing behind each other. */
const BUCKETS = 4096;

/**
 * Questions on their way, by key. Not a `Map`: they come and go by the ten thousand in a second, and
 * what {@link Deadlines} says of maps is true here as well.
 */
export class AskedQuestions {
  readonly #buckets: (AskedQuestion | undefined)[] = Array.from({ length: BUCKETS });
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(key: string): AskedQuestion | undefined {
    let found = this.#buckets[bucketOf(key)];
    while (found !== undefined && found.key !== key) found = found.next;
    return found;
  }

  /** Adds one that is not there. */
  add(question: AskedQuestion): void {
    const bucket = bucketOf(question.key);
    question.next = this.#buckets[bucket];
    this.#buckets[bucket] = question;
    this.#size++;
  }

  delete(question: AskedQuestion): void {
    const bucket = bucketOf(question.key);
    let before = this.#buckets[bucket];
    if (before === question) this.#buckets[bucket] = question.next;
    while (before !== undefined && before.next !== question) before = before.next;
    if (before !== undefined) before.next = question.next;
    question.next = undefined;
    this.#size--;
  }

  /** Takes all of them out. */
  *drain(): Generator<AskedQuestion> {
    for (const first of this.#buckets) for (let question = first; question !== undefined; question = question.next) yield question;
    this.#buckets.fill(undefined);
    this.#size = 0;
  }
}

/** FNV-1a. Whoever finds names that all fall together makes at most as many of them wait as an asker may. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}
