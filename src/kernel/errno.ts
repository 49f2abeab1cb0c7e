import { NetworkError } from '../common/error.ts';

/** The ones that decide something here or that people meet, with strerror's words (asm-generic/errno-base.h, asm-generic/errno.h). */
export const ERRNO = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, EBADF: 9, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16, EEXIST: 17, EXDEV: 18,
  ENODEV: 19, ENOTDIR: 20, EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ENOSPC: 28, EROFS: 30, ERANGE: 34, ENOSYS: 38, ELOOP: 40, EXFULL: 54, EPROTO: 71,
  EOVERFLOW: 75, EMSGSIZE: 90, ENOPROTOOPT: 92, EPROTONOSUPPORT: 93, ESOCKTNOSUPPORT: 94, EOPNOTSUPP: 95, EAFNOSUPPORT: 97, EADDRINUSE: 98,
  EADDRNOTAVAIL: 99, ENETDOWN: 100, ENETUNREACH: 101, ENOBUFS: 105, ENOTCONN: 107, ETIMEDOUT: 110, ECONNREFUSED: 111, EHOSTUNREACH: 113, EINPROGRESS: 115,
} as const;

const WORDS: Readonly<Record<keyof typeof ERRNO, string>> = {
  EPERM: 'operation not permitted', ENOENT: 'no such file or object', ESRCH: 'no such entry', EINTR: 'interrupted', EIO: 'input/output error',
  ENXIO: 'no such device or address', EBADF: 'bad descriptor', EAGAIN: 'no answer in time', ENOMEM: 'out of memory', EACCES: 'permission denied',
  EBUSY: 'busy', EEXIST: 'already exists', EXDEV: 'crosses devices', ENODEV: 'no such device', ENOTDIR: 'not a directory', EINVAL: 'invalid argument',
  ENFILE: 'too many open files on the machine', EMFILE: 'too many open files', ENOTTY: 'wrong kind of descriptor', ENOSPC: 'no space left',
  EROFS: 'read-only file system', ERANGE: 'out of range', ENOSYS: 'not in this kernel', ELOOP: 'would make a loop', EXFULL: 'the bridge has all 1023 ports that the kernel allows', EPROTO: 'protocol error',
  EOVERFLOW: 'value too large', EMSGSIZE: 'message too long', ENOPROTOOPT: 'option not available', EPROTONOSUPPORT: 'protocol not supported',
  ESOCKTNOSUPPORT: 'socket type not supported', EOPNOTSUPP: 'not supported', EAFNOSUPPORT: 'address family not supported',
  EADDRINUSE: 'address in use', EADDRNOTAVAIL: 'address not available', ENETDOWN: 'network is down', ENETUNREACH: 'network is unreachable',
  ENOBUFS: 'no buffer space', ENOTCONN: 'not connected', ETIMEDOUT: 'timed out', ECONNREFUSED: 'connection refused', EHOSTUNREACH: 'host is unreachable', EINPROGRESS: 'in progress',
};

const SYMBOLS: ReadonlyMap<number, keyof typeof ERRNO> = new Map(Object.entries(ERRNO).map(([symbol, errno]) => [errno, symbol as keyof typeof ERRNO]));

/** `EEXIST` for 17; `E524` for one that the table does not know. */
export function errnoSymbol(errno: number): string {
  return SYMBOLS.get(errno) ?? `E${errno}`;
}

/** What the number means in plain words. */
function errnoWords(errno: number): string {
  const symbol = SYMBOLS.get(errno);
  return symbol === undefined ? `kernel error ${errno}` : WORDS[symbol];
}

/**
 * A refusal of the kernel as an error: `add link 'web': EEXIST already exists (kernel: File exists …)`.
 * @param errno positive
 * @param what what was tried, naming the values
 * @param text the kernel's extended-ACK sentence
 */
export function kernelError(errno: number, what: string, text?: string): NetworkError {
  const symbol = errnoSymbol(errno);
  const said = text === undefined ? '' : ` (kernel: ${text})`;
  return new NetworkError('KERNEL', `${what}: ${symbol} ${errnoWords(errno)}${said}`, {
    kernel: text === undefined ? { errno, symbol } : { errno, symbol, text },
  });
}

/** The errno behind an error, or undefined when no kernel spoke. */
export function errnoOf(error: unknown): number | undefined {
  return error instanceof NetworkError ? error.kernel?.errno : undefined;
}

/** strerror's words at the end of what a program prints instead of a number. */
const PROGRAM_WORDS: Readonly<Record<string, number>> = {
  'No such file or directory': ERRNO.ENOENT,
  'No such process': ERRNO.ESRCH,
  'No such device': ERRNO.ENODEV,
  'File exists': ERRNO.EEXIST,
  'Operation not permitted': ERRNO.EPERM,
  'Device or resource busy': ERRNO.EBUSY,
  'Invalid argument': ERRNO.EINVAL,
  'Operation not supported': ERRNO.EOPNOTSUPP,
  'Network is unreachable': ERRNO.ENETUNREACH,
  'Network is down': ERRNO.ENETDOWN,
  'Cannot assign requested address': ERRNO.EADDRNOTAVAIL,
  'Numerical result out of range': ERRNO.ERANGE,
  'No buffer space available': ERRNO.ENOBUFS,
  'Message too long': ERRNO.EMSGSIZE,
  'Cannot allocate memory': ERRNO.ENOMEM,
};

/** The errno that a program means by its last words (`RTNETLINK answers: File exists`); undefined when they are not strerror's. */
export function errnoOfWords(text: string): number | undefined {
  return PROGRAM_WORDS[text.slice(text.lastIndexOf(': ') + 1).trim()] ?? PROGRAM_WORDS[text];
}
