import { existsSync, watch, type FSWatcher } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/**
 * Waits until somebody listens on a unix socket. A daemon's socket appears in its folder only when
 * it listens, so that one look for each change of the folder is enough; the folder itself may go
 * and come again.
 * @returns false when the signal aborts first
 */
export async function waitForSocket(path: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    using change = nextChange(dirname(path), signal);
    // Looked at only now: what happens from here on is told by the watch.
    if (await answers(path)) return true;
    await change.happened;
  }
  return false;
}

function nextChange(folder: string, signal: AbortSignal): Disposable & { readonly happened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  const watchers: FSWatcher[] = [];
  for (const place of [folder, existing(dirname(folder))]) {
    try {
      watchers.push(watch(place, done).on('error', done));
    } catch {
      // not there: its parent tells when it comes
    }
  }
  signal.addEventListener('abort', done, { once: true });
  return {
    happened: promise,
    [Symbol.dispose]: () => {
      for (const watcher of watchers) watcher.close();
      signal.removeEventListener('abort', done);
    },
  };
}

function existing(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : existing(dirname(folder));
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (there: boolean): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}
