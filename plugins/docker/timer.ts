/** Time, as far as the door needs it; tests bring their own. */
export interface Timer {
  /** ms */
  now(): number;
  /** Runs a task once, after that many ms, unless disposed before. */
  after(delay: number, task: () => void): Disposable;
}

/** Real time. Waiting does not keep the process alive. */
export const realTimer: Timer = {
  now: () => Date.now(),
  after(delay, task) {
    const timeout = setTimeout(task, delay).unref();
    return { [Symbol.dispose]: () => clearTimeout(timeout) };
  },
};
