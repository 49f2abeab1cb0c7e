import { parseArgs } from 'node:util';

/** How large a cluster is simulated. */
export interface ScaleOptions {
  /** All of them, full daemons too. */
  readonly hosts: number;
  /** Those with a daemon and a kernel. */
  readonly daemons: number;
  /** On the other hosts, all together. */
  readonly endpoints: number;
  readonly networks: number;
  /** Endpoints that come and go, a second. */
  readonly rates: readonly number[];
  /** For how long at each rate, s. */
  readonly seconds: number;
  readonly format: 'table' | 'json';
}

/** What `--help` prints. */
export const USAGE = `usage: scripts/scale/scale [--hosts N] [--daemons N] [--endpoints N] [--networks N] [--rates N,N] [--seconds N] [--format table|json]

A cluster on one real etcd: some hosts with a full daemon and a kernel (private hosts of this machine), and many more that
have what etcd sees of a host: a lease, a watch, blocks of addresses, endpoints. Says what that costs, and how fast it follows.

--hosts      all hosts, 50 unless told
--daemons    how many of them are full ones, 2 unless told
--endpoints  on the others, all together, 2000 unless told
--networks   8 unless told; each host has endpoints in up to five of them
--rates      endpoints that come and go a second, one after the other, 10,40 unless told
--seconds    for how long at each rate, 15 unless told

exit code: 0 when every kernel holds at the end what there is, 1 when one does not, 2 when it could not be tried`;

/** Host numbers fill 16 bits, and a LAN of private hosts has addresses for so many. */
const MOST_HOSTS = 10_000;
const MOST_DAEMONS = 200;
const MOST_ENDPOINTS = 500_000;
const MOST_NETWORKS = 4_000;

/**
 * Reads the command line.
 * @throws Error in one line for what it does not understand
 */
export function readOptions(args: readonly string[]): ScaleOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hosts: { type: 'string', default: '50' },
      daemons: { type: 'string', default: '2' },
      endpoints: { type: 'string', default: '2000' },
      networks: { type: 'string', default: '8' },
      rates: { type: 'string', default: '10,40' },
      seconds: { type: 'string', default: '15' },
      format: { type: 'string', default: 'table' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const daemons = whole('--daemons', values.daemons, 1, MOST_DAEMONS);
  const { format } = values;
  if (format !== 'table' && format !== 'json') throw new Error(`--format '${format}' must be table or json`);
  return {
    daemons,
    hosts: whole('--hosts', values.hosts, daemons + 1, MOST_HOSTS),
    endpoints: whole('--endpoints', values.endpoints, 1, MOST_ENDPOINTS),
    networks: whole('--networks', values.networks, 1, MOST_NETWORKS),
    rates: values.rates.split(',').map((text) => whole('--rates', text, 1, 10_000)),
    seconds: whole('--seconds', values.seconds, 1, 3600),
    format,
  };
}

function whole(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > most) throw new Error(`${flag} '${text}' must be a whole number from ${String(least)} to ${String(most)}`);
  return number;
}
