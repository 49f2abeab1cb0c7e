import { setTimeout as after } from 'node:timers';
import type { Kernel } from '../kernel/kernel.ts';
import { HOST, type NamespacePath } from '../kernel/op.ts';

/** Links that leave are deleted together this long after the first of them, ms. */
const GATHER = 200;

/** What a reaper works for. */
export interface ReaperParts {
  readonly kernel: Kernel;
  /** The doomed link group. */
  readonly group: number;
  /** Called when the kernel refuses; the next wake tries again. */
  readonly report: (error: unknown) => void;
  /** Called with the notes of what is gone now. */
  readonly done: (notes: readonly string[]) => Promise<void>;
}

/** What is to be done when the links of a namespace are deleted. */
export interface Errand {
  /** Key of something written down that is to be forgotten. */
  readonly note?: string;
  /** Lets go of the namespace. */
  readonly release?: () => Promise<void>;
}

/**
 * Deletes the links of the doomed group, many in one message. One veth deleted alone costs the
 * kernel 20 ms, in a group 0.6. A link on top of another one cannot be brought together with others
 * (moving it costs what deleting it does): each namespace is a message of its own, and a call of its
 * own, so that nobody waits for all of them.
 */
export class Reaper implements AsyncDisposable {
  readonly #parts: ReaperParts;
  /** Namespaces with links to be deleted, and what is to be done when they are. */
  #places = new Map<NamespacePath, Errand[]>();
  #timer: NodeJS.Timeout | undefined;
  /** What the timer began. */
  #flushed: Promise<void> | undefined;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  /** Something may be in the doomed group, of the host or of these namespaces too. */
  wake(namespaces: Iterable<NamespacePath> = [], errand: Errand = {}): void {
    for (const namespace of [HOST, ...namespaces]) this.#places.set(namespace, [...(this.#places.get(namespace) ?? []), ...(namespace === HOST ? [] : [errand])]);
    this.#timer ??= after(() => {
      this.#flushed = this.flush().catch(this.#parts.report);
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
    const places = this.#places;
    this.#places = new Map();
    const { kernel, group, done } = this.#parts;
    const notes: string[] = [];
    try {
      for (const namespace of new Set([HOST, ...places.keys()])) {
        await kernel.apply([{ op: 'link-group-delete', namespace, group }]);
        for (const errand of places.get(namespace) ?? []) {
          if (errand.note !== undefined) notes.push(errand.note);
          await errand.release?.();
        }
        places.delete(namespace);
      }
    } finally {
      // What the kernel refused is tried again.
      for (const [namespace, errands] of places) this.#places.set(namespace, [...errands, ...(this.#places.get(namespace) ?? [])]);
      if (notes.length > 0) await done(notes);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== undefined) await this.flush().catch(this.#parts.report);
    await this.#flushed;
  }
}
