import { NetworkError } from '../common/error.ts';

/** Lets one task at a time through, in the order of asking. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs a task when all before it are done.
   * @throws {NetworkError} ABORTED when the signal aborts while it still waits; what the task throws
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => {
      if (signal?.aborted === true) throw new NetworkError('ABORTED', 'given up while waiting for earlier requests');
      return task();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
