import { close } from 'node:fs';

/**
 * Closes descriptors that the kernel takes long over (10 ms for a packet socket) in Node's thread pool,
 * one at a time: the pool has four threads, and file and name look-ups of the whole process wait for them too.
 */
export class SlowCloser {
  readonly #waiting: number[] = [];
  #busy = false;

  /** Takes the descriptor over. */
  close(fd: number): void {
    this.#waiting.push(fd);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const fd = this.#waiting.shift();
    this.#busy = fd !== undefined;
    if (fd !== undefined) close(fd, () => this.#next());
  }
}
