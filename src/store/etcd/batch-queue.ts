import type { StoreBatch } from '../shared-store.ts';

/** Events that wait for a watcher before the servers are asked to hold back. */
const ENOUGH = 4096;

/** What came of a watch and was not fetched yet. */
export class BatchQueue {
  #batches: StoreBatch[] = [];
  #events = 0;
  #news: PromiseWithResolvers<void> = Promise.withResolvers();
  #room: PromiseWithResolvers<void> | undefined;
  #end: { readonly error: unknown } | undefined;
  #isDropped = false;

  /** Whether no more should come before {@link room}. */
  get isFull(): boolean {
    return this.#events >= ENOUGH;
  }

  push(batches: readonly StoreBatch[]): void {
    if (this.#end !== undefined || batches.length === 0) return;
    for (const batch of batches) {
      this.#batches.push(batch);
      this.#events += batch.events.length;
    }
    this.#wake();
  }

  /** Resolves when somebody has fetched what is there, or it has ended. */
  async room(): Promise<void> {
    if (!this.isFull || this.#end !== undefined) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  /** Nothing comes any more: who fetches gets what is there, then the error or a quiet end. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake();
    this.#room?.resolve();
  }

  /** Nothing comes any more, and what is there is not wanted. */
  drop(): void {
    this.#isDropped = true;
    this.#batches = [];
    this.end();
  }

  /** Everything, in order, until the end. @throws what it ended with */
  async *fetch(): AsyncGenerator<StoreBatch, void> {
    for (;;) {
      const batches = this.#batches;
      this.#batches = [];
      this.#events = 0;
      this.#room?.resolve();
      this.#room = undefined;
      for (const batch of batches) {
        if (this.#isDropped) return;
        yield batch;
      }
      if (this.#batches.length > 0) continue;
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      }
      await this.#news.promise;
    }
  }

  #wake(): void {
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }
}
