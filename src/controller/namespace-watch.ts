import { existsSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** Names that went are told this long after the first of them, ms: by then whoever made one again, or took a sandbox away, is done. */
const SETTLED = 150;

/**
 * Hears of named namespaces that are deleted (`ip netns del`). Nothing else tells of one as long as sockets keep it
 * alive, those of the name server for instance: its links stay where they are.
 */
export class NamespaceWatch implements Disposable {
  readonly #folder: string;
  readonly #onLost: (names: readonly string[]) => void;
  readonly #changed = new Set<string>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param folder where the names are: `/run/netns`
   * @param onLost is told names that are not there any more
   */
  constructor(folder: string, onLost: (names: readonly string[]) => void) {
    this.#folder = folder;
    this.#onLost = onLost;
  }

  /** Begins to listen, if it does not yet and the folder is there: that comes with the first namespace. */
  begin(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, (_event, name) => this.#heed(name));
      this.#watcher.on('error', () => this.#end());
    } catch {
      // No folder yet, or no watches are left: then whoever looks at everything finds out.
    }
  }

  [Symbol.dispose](): void {
    this.#end();
    clearTimeout(this.#timer);
  }

  #heed(name: string | null): void {
    if (name === null) return;
    this.#changed.add(name);
    this.#timer ??= setTimeout(() => this.#tell(), SETTLED).unref();
  }

  #tell(): void {
    const lost = [...this.#changed].filter((name) => !existsSync(join(this.#folder, name)));
    this.#changed.clear();
    this.#timer = undefined;
    if (lost.length > 0) this.#onLost(lost);
  }

  #end(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
