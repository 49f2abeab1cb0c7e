import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** Where {@link compile} says what it has made, for the processes of this run. */
const MARK = 'BENCH_COMPILED';

/**
 * Compiles the project as its package has it, beside the checkout: run from source, the daemon
 * would start a second later and hold a compiler in memory.
 */
export async function compile(): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  await promisify(execFile)('tsc', ['-p', join(PROJECT, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')], {
    env: { ...process.env, PATH: `${join(PROJECT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` },
  });
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  await copyFile(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  process.env[MARK] = folder;
  return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** The program netctl: what was compiled, else its source. */
export function programFile(): string {
  return compiledFile('src/cli/main');
}

/** A module of the project, by its path without ending: what was compiled, else its source. */
export function compiledFile(module: string): string {
  const folder = process.env[MARK];
  return folder === undefined ? join(PROJECT, `${module}.ts`) : join(folder, 'dist', `${module}.js`);
}
