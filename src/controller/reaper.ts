import { setTimeout as after } from 'node:timers';
import type { Kernel } from '../kernel/kernel.ts';
import { HOST } from '../kernel/op.ts';

/** Links that leave are deleted together this long after the first of them, ms. */
const GATHER = 200;

/**
 * Deletes the links of the doomed group, many in one message. One veth deleted alone costs the
 * kernel 20 ms, in a group 0.6.
 */
export class Reaper implements AsyncDisposable {
  readonly #kernel: Kernel;
  readonly #group: number;
  readonly #report: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param report called when the kernel refuses; the next wake tries again */
  constructor(kernel: Kernel, group: number, report: (error: unknown) => void) {
    this.#kernel = kernel;
    this.#group = group;
    this.#report = report;
  }

  /** Something may be in the doomed group. */
  wake(): void {
    this.#timer ??= after(() => {
      void this.flush().catch(this.#report);
    }, GATHER);
  }

  /** Whether there may be links to delete. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  /** Deletes the group now; when it returns, none of its links is left. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#kernel.apply([{ op: 'link-group-delete', namespace: HOST, group: this.#group }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== undefined) await this.flush().catch(this.#report);
  }
}
