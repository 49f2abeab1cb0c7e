import type { NetworkError } from '../../src/common/error.ts';

/**
 * Whether a call that failed may have been carried out all the same: a plugin that refuses has done nothing,
 * nor has one that was not reached; one that is silent, or answers nonsense, may have.
 */
export function mayHaveActed({ code, cause }: NetworkError): boolean {
  const { syscall = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  return code !== 'FORBIDDEN' && syscall !== 'connect' && syscall !== 'getaddrinfo';
}

/** Whether a call was waited for in vain: the next one would keep somebody waiting as long. */
export function isSilent({ code, cause }: NetworkError): boolean {
  return code === 'UNAVAILABLE' && (cause as NodeJS.ErrnoException | undefined)?.code === 'ABORT_ERR';
}
