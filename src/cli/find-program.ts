import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** As a shell reports a program that is there and cannot be run, and one that is not there. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** Where programs of the system are that a user's PATH may lack. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A program that was found, or why it cannot be run. */
export type FoundProgram = { readonly path: string } | { readonly exitCode: number; readonly reason: string };

/** Finds a program as execvp(3) does: a name with a slash is a path, any other is looked up in PATH. */
export function findProgram(name: string, searchPath: string = process.env['PATH'] ?? ''): FoundProgram {
  if (name === '') return { exitCode: NOT_FOUND, reason: 'no such program' };
  const places = name.includes('/') ? [name] : searchPath.split(delimiter).map((folder) => join(folder || '.', name));
  let best: FoundProgram = { exitCode: NOT_FOUND, reason: name.includes('/') ? 'no such file' : 'not found in PATH' };
  for (const path of places) {
    const outcome = look(path);
    if ('path' in outcome) return outcome;
    if (outcome.exitCode === NOT_EXECUTABLE) best = outcome;
  }
  return best;
}

/** The path of a program of the system; undefined where it is not installed. */
export function systemProgram(name: string): string | undefined {
  const found = findProgram(name, [process.env['PATH'] ?? '', ...SYSTEM_FOLDERS].join(delimiter));
  return 'path' in found ? found.path : undefined;
}

function look(path: string): FoundProgram {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { exitCode: NOT_FOUND, reason: 'no such file' };
  if (found.isDirectory()) return { exitCode: NOT_EXECUTABLE, reason: 'is a folder' };
  try {
    accessSync(path, constants.X_OK);
    return { path };
  } catch {
    return { exitCode: NOT_EXECUTABLE, reason: 'permission denied' };
  }
}
