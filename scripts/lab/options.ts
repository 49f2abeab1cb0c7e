import { parseArgs } from 'node:util';
import { EXTENTS, type Extent, type Scenario } from './scenario.ts';

/** Where the machines of a lab can be. */
const PLACES = ['namespaces', 'qemu', 'vagrant'] as const;

/** What the lab is asked to do. */
export interface LabOptions {
  readonly on: (typeof PLACES)[number];
  /** Names of scenarios, in the order in which they run. */
  readonly scenarios: readonly string[];
  readonly extent: Extent;
  readonly format: 'table' | 'json';
}

type Known = readonly Pick<Scenario, 'name' | 'promise'>[];

/** What `--help` prints. @param known the scenarios that there are, in the order in which they run */
export function usage(known: Known): string {
  const widest = Math.max(...known.map(({ name }) => name.length));
  return `usage: scripts/lab/lab test [--on namespaces|qemu|vagrant] [--full] [--format table|json] [--seed N] [SCENARIO]...
       npm run lab -- [the same]

Three machines, an etcd, a netctl daemon and a Docker engine on each, and what networks over hosts promise, tried on them.
Where no engine is, the scenarios that need one are skipped and say so.

--on         namespaces: three private hosts of this machine (default); qemu: three virtual machines, which
             without hardware virtualisation take ten times as long: name a few scenarios;
             vagrant: the machines of scripts/lab/Vagrantfile, which 'vagrant up' has started
--full       long faults (etcd gone for a minute) and many rounds, instead of short ones
--seed       a whole number from which random choices follow, to have them again; a new one unless told
--format     what is printed at the end: a table, or JSON alone (all times in ms)

scenarios, in the order in which they run; all of them unless some are named:
${known.map(({ name, promise }) => `  ${name.padEnd(widest)}  ${promise}`).join('\n')}

exit code: 0 when every promise was kept, 1 when one was not, 2 when nothing could be tried, or not to the end`;
}

/**
 * Reads the command line.
 * @param seed the one that is used unless told
 * @throws Error in one line for what it does not understand
 */
export function readOptions(args: readonly string[], known: Known, seed: number): LabOptions | 'help' {
  const { values, positionals } = parse(args, seed);
  if (values.help) return 'help';
  const [verb, ...scenarios] = positionals;
  if (verb !== 'test') throw new Error(`${verb === undefined ? 'nothing to do' : `'${verb}' is not known`}: try 'lab test', or --help`);
  const names = known.map(({ name }) => name);
  for (const name of scenarios) if (!names.includes(name)) throw new Error(`no scenario '${name}': there are ${names.join(', ')}`);
  const on = PLACES.find((place) => place === values.on);
  if (on === undefined) throw new Error(`--on '${values.on}' must be one of ${PLACES.join(', ')}`);
  const { format } = values;
  if (format !== 'table' && format !== 'json') throw new Error(`--format '${format}' must be table or json`);
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed '${values.seed}' must be a whole number below 1000000000`);
  return {
    on,
    scenarios: scenarios.length === 0 ? names : names.filter((name) => scenarios.includes(name)),
    extent: { ...EXTENTS[values.full ? 'full' : 'short'], seed: Number(values.seed) },
    format,
  };
}

function parse(args: readonly string[], seed: number) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        on: { type: 'string', default: 'namespaces' },
        full: { type: 'boolean', default: false },
        format: { type: 'string', default: 'table' },
        seed: { type: 'string', default: String(seed) },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    // Its first sentence names the option; the others are about words that begin with a dash.
    throw new Error(`${(error as Error).message.split('. ')[0] ?? ''}: --help lists what there is`, { cause: error });
  }
}
