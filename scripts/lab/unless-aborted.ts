/**
 * What some work gives, unless a signal comes first: then the work is left to fail with what it works on, which the caller ends.
 * @throws the signal's reason
 */
export async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
