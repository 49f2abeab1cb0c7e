/** Says on standard error what is being done: one line that changes on a terminal, nothing elsewhere. */
export class Progress implements Disposable {
  readonly #terminal = process.stderr.isTTY;
  readonly #started = performance.now();

  /** Replaces the line. */
  say(what: string): void {
    if (!this.#terminal) return;
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(0);
    const line = `${seconds} s  ${what}`;
    process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#terminal) process.stderr.write('\r\u001b[K');
  }
}
