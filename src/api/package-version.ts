import { readFileSync } from 'node:fs';

let known: string | undefined;

/** The version in package.json, which lies above the sources and above what is built of them. */
export function packageVersion(): string {
  known ??= read('../../package.json') ?? read('../../../package.json') ?? '0.0.0';
  return known;
}

function read(path: string): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { readonly version?: string };
    return version;
  } catch {
    return undefined;
  }
}
