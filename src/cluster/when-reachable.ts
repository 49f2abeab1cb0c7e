import { NetworkError } from '../common/error.ts';
import type { SharedStore } from '../store/shared-store.ts';

/** Resolves when the store answers; at once where it does. @throws {NetworkError} ABORTED */
export async function whenReachable(store: SharedStore, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(new NetworkError('ABORTED', 'given up while waiting for the cluster’s store'));
  using _listening = store.onHealth(({ isReachable }) => {
    if (isReachable) resolve();
  });
  if (store.health.isReachable) resolve();
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
