import { dirname, join, normalize } from 'node:path/posix';

const MIDDLE = ['ipam', 'dns', 'firewall', 'store', 'ports'] as const;
const BELOW_DRIVERS = ['common', 'kernel', ...MIDDLE] as const;
const BELOW_DOORS = [...BELOW_DRIVERS, 'driver-contract', 'driver-base', 'driver', 'cluster', 'controller'] as const;

/**
 * What each part of the house may import besides itself. docs/architecture.md draws it.
 * A part is a folder of src/; `driver-contract` is drivers/*.ts, `driver` a folder in drivers/, `driver-base` one that is no driver
 * itself and that several share, `door` whatever a request comes in by.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  common: [],
  kernel: ['common'],
  ...Object.fromEntries(MIDDLE.map((part) => [part, ['common', 'kernel']])),
  cluster: [...BELOW_DRIVERS],
  'driver-contract': [...BELOW_DRIVERS],
  'driver-base': [...BELOW_DRIVERS, 'driver-contract'],
  driver: [...BELOW_DRIVERS, 'driver-contract', 'driver-base'],
  controller: [...BELOW_DRIVERS, 'driver-contract', 'driver', 'cluster'],
  library: [...BELOW_DOORS],
  door: [...BELOW_DOORS, 'library'],
  // what is measured and shown runs in the private hosts of test/support; the product never imports from test/
  bench: [...BELOW_DOORS, 'library', 'door', 'test'],
  scripts: [...BELOW_DOORS, 'library', 'door', 'test', 'bench'],
  test: [...BELOW_DOORS, 'library', 'door', 'scripts', 'bench'],
};

const DRIVER_BASES: ReadonlySet<string> = new Set(['parent', 'bridged']);
const DOORS: ReadonlySet<string> = new Set(['api', 'cli', 'lab']);

interface Part {
  /** Key of {@link MAY_IMPORT}. */
  readonly kind: string;
  /** Tells two drivers, or two doors, from each other. */
  readonly name: string;
}

function partOf(file: string): Part {
  const [top = '', folder = '', ...rest] = file.split('/');
  if (top === 'plugins') return { kind: 'door', name: `plugins/${folder}` };
  if (top === 'drivers') {
    if (rest.length === 0) return { kind: 'driver-contract', name: '' };
    return { kind: DRIVER_BASES.has(folder) ? 'driver-base' : 'driver', name: folder };
  }
  if (top !== 'src') return { kind: top, name: '' };
  if (rest.length === 0) return { kind: 'library', name: '' };
  return DOORS.has(folder) ? { kind: 'door', name: folder } : { kind: folder, name: '' };
}

/** Every import and re-export, static or dynamic, with its line number. Text in comments does not count. */
function* importsOf(text: string): Generator<{ readonly line: number; readonly target: string }> {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)(['"])(\.{1,2}\/[^'"]+\.ts)\1/g;
  for (const match of code.matchAll(pattern)) {
    yield { line: code.slice(0, match.index).split('\n').length, target: match[2] ?? '' };
  }
}

/**
 * The imports of one file that point the wrong way, as `file:line: reason` (empty when all is well).
 *
 * @param file path from the project's top folder
 * @param text what stands in it
 */
export function forbiddenImports(file: string, text: string): string[] {
  const from = partOf(file);
  const problems: string[] = [];
  for (const { line, target } of importsOf(text)) {
    const path = normalize(join(dirname(file), target));
    const reason = refusal(from, partOf(path), path);
    if (reason !== undefined) problems.push(`${file}:${String(line)}: ${reason}`);
  }
  return problems;
}

function refusal(from: Part, to: Part, path: string): string | undefined {
  const allowed = MAY_IMPORT[from.kind];
  if (allowed === undefined) return `'${from.kind}' is no part that scripts/lib/import-rules.ts knows; add it there`;
  if (from.kind === to.kind) {
    if (from.name === to.name || from.kind !== 'driver') return undefined;
    return `driver '${from.name}' imports driver '${to.name}' (${path}); move what both need to drivers/ or below`;
  }
  if (allowed.includes(to.kind)) return undefined;
  return `${from.kind} imports ${to.kind} (${path}); it may import ${allowed.length === 0 ? 'nothing' : `only ${allowed.join(', ')}`}`;
}
