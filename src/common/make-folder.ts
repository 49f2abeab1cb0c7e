import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * `mkdir -p`: makes a folder and those above it that are missing; one that is there keeps its mode.
 * Node's own, `mkdir` with `recursive`, never returns where the kernel says ENOENT below a folder
 * that is there, as in all of /proc: it goes back and forth between the two for ever.
 * @param mode of every folder that it makes
 * @throws what mkdir(2) says, an error with `code`
 */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return;
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isFolder(parent)) throw error;
    makeFolder(parent, mode);
    makeFolder(path, mode);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
