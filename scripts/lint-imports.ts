/** Keeps imports pointing one way: `node scripts/lint-imports.ts`, exit code 1 and a line for each import that does not. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forbiddenImports } from './lib/import-rules.ts';

const root = normalize(join(dirname(fileURLToPath(import.meta.url)), '..'));
const files = globSync('{src,drivers,plugins,scripts,bench,test}/**/*.ts', { cwd: root });
const problems = files.flatMap((file) => forbiddenImports(file, readFileSync(join(root, file), 'utf8')));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
