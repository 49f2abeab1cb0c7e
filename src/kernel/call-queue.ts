import { NetworkError } from '../common/error.ts';

/**
 * Runs calls one after the other. A caller that gives up is answered at once; its call, if it has
 * begun, goes on to its end before the next one starts, because a system call cannot be taken back.
 */
export class CallQueue {
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * @param work is given a signal that says that nobody waits any more: it may stop between two steps
   * @throws {NetworkError} ABORTED, and whatever `work` throws
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal = NEVER): Promise<T> {
    const before = this.#tail;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#tail = promise;
    const result = (async () => {
      try {
        await before;
        if (signal.aborted) throw aborted(signal);
        return await work(signal);
      } finally {
        resolve(undefined);
      }
    })();
    return signal === NEVER ? result : answeredAtOnce(result, signal);
  }
}

const NEVER = new AbortController().signal;

async function answeredAtOnce<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const gaveUp = Promise.withResolvers<never>();
  const onAbort = (): void => gaveUp.reject(aborted(signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([result, gaveUp.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Whichever lost the race is nobody's business any more.
    result.catch(() => {});
    gaveUp.promise.catch(() => {});
  }
}

function aborted(signal: AbortSignal): NetworkError {
  return new NetworkError('ABORTED', 'the caller gave up; what had begun may have been carried out', { cause: signal.reason });
}
