/** Lets tasks that have a key in common run one after the other, in the order of the calls, and others at the same time. */
export class Turns {
  /** By key, the end of the last task that has it. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs the task when its turn comes; what it gives or throws is handed on. */
  run<Result>(keys: readonly string[], task: () => Promise<Result>): Promise<Result> {
    const before = new Set(keys.map((key) => this.#last.get(key)).filter((end) => end !== undefined));
    const result = before.size === 0 ? task() : Promise.all(before).then(task);
    const end: Promise<void> = result.then(
      () => this.#leave(keys, end),
      () => this.#leave(keys, end),
    );
    for (const key of keys) this.#last.set(key, end);
    return result;
  }

  #leave(keys: readonly string[], end: Promise<void>): void {
    for (const key of keys) if (this.#last.get(key) === end) this.#last.delete(key);
  }
}
