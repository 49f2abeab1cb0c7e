/** Prints the folders below node_modules/ that the product needs on this machine, a line each. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
for (const [folder, { dev = false }] of Object.entries(packages)) {
  // those within another package come with it; those for other machines are not there
  const own = folder.lastIndexOf('node_modules/') === 0;
  if (own && !dev && existsSync(join(root, folder))) console.log(folder);
}
