import { mkdirSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import type { Namespaces } from './netns.ts';
import { closeFile, mount, openFile, SYS, threadId, unmount, unshareNetwork } from './sys.ts';

/** Where iproute2 keeps named namespaces (NETNS_RUN_DIR); /var/run is a link to /run. */
const DIRECTORY = '/run/netns';

/** Path of a named namespace. @throws {NetworkError} INVALID for a name that would leave the directory */
export function namespacePath(name: string): string {
  if (!/^[^/\s\0]{1,200}$/u.test(name) || name === '.' || name === '..') {
    throw new NetworkError('INVALID', `namespace name ${JSON.stringify(name)} must be 1 to 200 characters without '/' and white space`);
  }
  return `${DIRECTORY}/${name}`;
}

/**
 * `ip netns add NAME`, with the steps in iproute2's order so that its `list`, `exec` and `del` know it.
 * @param inside runs in the new namespace before it is left
 * @throws {NetworkError} EXISTS, INVALID, KERNEL
 */
export function addNamespace(namespaces: Namespaces, name: string, inside: () => void): void {
  const path = namespacePath(name);
  shareDirectory();
  try {
    closeFile(openFile(path, SYS.O_RDONLY | SYS.O_CREAT | SYS.O_EXCL));
  } catch (error) {
    if (errnoOf(error) !== ERRNO.EEXIST) throw error;
    throw new NetworkError('EXISTS', `a network namespace named '${name}' exists; choose another name or remove it: ip netns del ${name}`, { cause: error });
  }
  try {
    unshareNetwork();
    try {
      mount(`/proc/self/task/${threadId()}/ns/net`, path, SYS.MS_BIND);
      inside();
    } finally {
      namespaces.leave();
    }
  } catch (error) {
    deleteNamespace(name);
    throw error;
  }
}

/** `ip netns del NAME`; one that is not there is fine. What else holds it (processes, sockets) keeps it alive without a name. */
export function deleteNamespace(name: string): void {
  const path = namespacePath(name);
  unmount(path);
  try {
    unlinkSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new NetworkError('KERNEL', `remove ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

/** What `ip netns list` lists. */
export async function namespaceNames(): Promise<readonly string[]> {
  try {
    return await readdir(DIRECTORY);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new NetworkError('KERNEL', `list ${DIRECTORY}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** A shared mount, so that names appear in and vanish from the mount namespaces of other programs too. */
function shareDirectory(): void {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
  try {
    mount('', DIRECTORY, SYS.MS_SHARED | SYS.MS_REC);
  } catch (error) {
    if (errnoOf(error) !== ERRNO.EINVAL) throw error;
    // EINVAL: it is no mount point yet.
    mount(DIRECTORY, DIRECTORY, SYS.MS_BIND | SYS.MS_REC);
    mount('', DIRECTORY, SYS.MS_SHARED | SYS.MS_REC);
  }
}
