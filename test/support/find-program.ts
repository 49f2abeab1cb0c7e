import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folders under which Debian's files may lie: the machine's own, and those that scripts/setup has unpacked. */
const ROOTS: readonly string[] = [
  '/',
  ...[process.env['NETCTL_CACHE'], join(homedir(), '.cache/libnetwork-ts'), fileURLToPath(new URL('../../.cache', import.meta.url))].flatMap((cache) => (cache === undefined ? [] : [join(cache, 'debian/unpacked')])),
];

/** Finds a file of a Debian package. @param path from the root, without a slash before it @returns root and path; undefined where it is nowhere */
export function findProgram(path: string): { readonly root: string; readonly path: string } | undefined {
  const root = ROOTS.find((folder) => existsSync(join(folder, path)));
  return root === undefined ? undefined : { root, path: join(root, path) };
}
