import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import { closeFile, openFile, readFile, SYS, writeFile } from './sys.ts';

/** Keys are long lists at worst: 4096 is what the kernel's own string sysctls hold. */
const LONGEST = 4096;

/**
 * `sysctl -n KEY`, trimmed, of the calling thread's namespace: /proc/sys/net shows whoever opens it.
 * @returns undefined where there is no such key
 * @throws {NetworkError} INVALID, KERNEL
 */
export function readSysctl(key: string): string | undefined {
  let fd: number;
  try {
    fd = openFile(sysctlPath(key));
  } catch (error) {
    if (errnoOf(error) === ERRNO.ENOENT || errnoOf(error) === ERRNO.ENOTDIR) return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(LONGEST);
    return bytes.toString('utf8', 0, readFile(fd, bytes, `read sysctl ${key}`)).trim();
  } finally {
    closeFile(fd);
  }
}

/**
 * `sysctl -w KEY=VALUE` in the calling thread's namespace.
 * @returns false where there is no such key
 * @throws {NetworkError} INVALID, KERNEL
 */
export function writeSysctl(key: string, value: string): boolean {
  let fd: number;
  try {
    fd = openFile(sysctlPath(key), SYS.O_WRONLY);
  } catch (error) {
    if (errnoOf(error) === ERRNO.ENOENT || errnoOf(error) === ERRNO.ENOTDIR) return false;
    throw error;
  }
  try {
    writeFile(fd, Buffer.from(value), `write '${value}' to sysctl ${key}`);
  } finally {
    closeFile(fd);
  }
  return true;
}

/** The file behind a key. @throws {NetworkError} INVALID for one that would leave /proc/sys */
export function sysctlPath(key: string): string {
  const parts = key.split('/');
  if (!/^[^\s\0]{1,250}$/u.test(key) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new NetworkError('INVALID', `sysctl key ${JSON.stringify(key)} must be in slash form below /proc/sys, e.g. net/ipv4/ip_forward`);
  }
  return `/proc/sys/${key}`;
}
