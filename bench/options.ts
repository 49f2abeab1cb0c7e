import { parseArgs } from 'node:util';

/** What the benchmark is asked to do. */
export interface BenchOptions {
  /** Names of scenarios; all of them unless told. */
  readonly scenarios: readonly string[];
  /** Names of peers; all of them unless told. */
  readonly peers: readonly string[] | undefined;
  /** How many endpoints are there when one is attached, ascending. */
  readonly counts: readonly number[];
  readonly format: 'table' | 'json';
  /** Enough to see that everything works, too little to quote. */
  readonly quick: boolean;
}

/** Those that are there in no time. */
const QUICK_PEERS = ['api', 'library', 'netlink', 'ip', 'cni', 'netavark', 'netctl-dns', 'netctl-direct', 'dnsmasq', 'aardvark-dns'];

/** What `--help` prints. */
export const USAGE = `usage: npm run bench -- [SCENARIO]... [--peers NAME,NAME] [--count N,N] [--format table|json] [--quick]

scenarios: attach publish data-plane overlay restart dns (all unless told)
--peers    only these, e.g. api,netlink,cni (names are in the first column of the tables)
--count    how many endpoints are there, 1,100,1000 unless told
--quick    a run of under a minute that shows that it works, without engines unless --peers names them; its figures mean little`;

/**
 * Reads the command line.
 * @throws Error in one line for what it does not understand
 */
export function readOptions(args: readonly string[], known: readonly string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      peers: { type: 'string' },
      count: { type: 'string' },
      format: { type: 'string', default: 'table' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  for (const name of positionals) if (!known.includes(name)) throw new Error(`no scenario '${name}': there are ${known.join(', ')}`);
  const { format } = values;
  if (format !== 'table' && format !== 'json') throw new Error(`--format '${format}' must be table or json`);
  return {
    scenarios: positionals.length === 0 ? known : positionals,
    peers: values.peers?.split(',') ?? (values.quick ? QUICK_PEERS : undefined),
    counts: readCounts(values.count ?? (values.quick ? '10' : '1,100,1000')),
    format,
    quick: values.quick,
  };
}

function readCounts(text: string): number[] {
  const counts = text.split(',').map(Number);
  const wrong = counts.find((count) => !Number.isInteger(count) || count < 1 || count > 2000);
  if (wrong !== undefined) throw new Error(`--count '${text}' must be whole numbers from 1 to 2000, as in 1,100,1000`);
  return counts.toSorted((a, b) => a - b);
}
