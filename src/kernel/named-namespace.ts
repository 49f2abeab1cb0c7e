import { fstatSync, lstatSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';
import { ERRNO, errnoOf } from './errno.ts';
import type { Namespaces } from './netns.ts';
import { closeFile, linkDescriptor, mount, O_TMPFILE, openFile, SYS, threadId, unmount, unshareNetwork, writeFile } from './sys.ts';

/** Where iproute2 keeps named namespaces (NETNS_RUN_DIR); /var/run is a link to /run. */
const DIRECTORY = '/run/netns';

/** Of the file on which a namespace is mounted. */
const FILE_MODE = 0o400;

/** Path of a named namespace. @throws {NetworkError} INVALID for a name that would leave the directory */
export function namespacePath(name: string): string {
  if (!/^[^/\s\0]{1,200}$/u.test(name) || name === '.' || name === '..') {
    throw new NetworkError('INVALID', `namespace name ${JSON.stringify(name)} must be 1 to 200 characters without '/' and white space`);
  }
  return `${DIRECTORY}/${name}`;
}

/**
 * `ip netns add NAME`, so that its `list`, `exec` and `del` know it, but the other way round: first
 * all that is to be in it, its name at the end. A maker that is killed leaves nothing, or between
 * its last two steps a file that says whose it is.
 * @param label stands in that file
 * @param furnish runs in the new namespace
 * @throws {NetworkError} EXISTS, INVALID, KERNEL; and whatever `furnish` throws
 */
export function addNamespace(namespaces: Namespaces, name: string, label: string | undefined, furnish: () => void): void {
  const path = namespacePath(name);
  shareDirectory();
  unshareNetwork();
  try {
    furnish();
    nameOwnNamespace(path, label ?? '');
  } finally {
    namespaces.leave();
  }
}

/** The kernel takes a taken name as the last word: nobody's file is ever replaced. */
function nameOwnNamespace(path: string, label: string): void {
  let file = -1;
  try {
    const unnamed = openUnnamed();
    file = unnamed ?? openFile(path, SYS.O_WRONLY | SYS.O_CREAT | SYS.O_EXCL, FILE_MODE);
    writeFile(file, Buffer.from(label), `write ${path}`);
    if (unnamed !== undefined) linkDescriptor(unnamed, path);
    mount(`/proc/self/task/${threadId()}/ns/net`, path, SYS.MS_BIND);
  } catch (error) {
    if (file >= 0 && isSame(path, file)) unlinkSync(path);
    if (errnoOf(error) !== ERRNO.EEXIST) throw error;
    const name = path.slice(DIRECTORY.length + 1);
    throw new NetworkError('EXISTS', `a network namespace named '${name}' exists; choose another name or remove it: ip netns del ${name}`, { cause: error });
  } finally {
    closeFile(file);
  }
}

/** A file that gets its name when its label stands in it; undefined where there is no such thing, as in overlayfs before Linux 6.1. */
function openUnnamed(): number | undefined {
  try {
    return openFile(DIRECTORY, SYS.O_WRONLY | O_TMPFILE, FILE_MODE);
  } catch (error) {
    if (errnoOf(error) === ERRNO.EOPNOTSUPP) return undefined;
    throw error;
  }
}

function isSame(path: string, file: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(file);
  return found?.dev === dev && found.ino === ino;
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
  makeFolder(DIRECTORY, 0o755);
  try {
    mount('', DIRECTORY, SYS.MS_SHARED | SYS.MS_REC);
  } catch (error) {
    if (errnoOf(error) !== ERRNO.EINVAL) throw error;
    // EINVAL: it is no mount point yet.
    mount(DIRECTORY, DIRECTORY, SYS.MS_BIND | SYS.MS_REC);
    mount('', DIRECTORY, SYS.MS_SHARED | SYS.MS_REC);
  }
}
