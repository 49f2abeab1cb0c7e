/** Time as the store of a cluster needs it, so that tests can turn it. */
export interface Clock {
  /** ms that never go back. */
  now(): number;
  /** ms since 1970, as far as this host knows. */
  wall(): number;
  /** Calls once; disposing cancels. The process stays for it. */
  after(ms: number, call: () => void): Disposable;
}

/** The machine's own. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Resolves when the time is over or the signal aborts, whichever comes first. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
