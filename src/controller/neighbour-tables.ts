import { HOST } from '../kernel/op.ts';
import type { Context } from './context.ts';
import type { Finding } from './finding.ts';
import type { EndpointRecord } from './records.ts';

/** A table of neighbours, which all namespaces of a machine share. */
interface NeighbourTable {
  readonly family: string;
  /** Under it stand the limits (`neigh/default` of ip-sysctl.rst). Machines have them, namespaces other than the first do not. */
  readonly limits: string;
  /** How many one endpoint needs: its gateway, itself at the bridge, and with IPv6 the groups ff02::1 and ff02::16. */
  readonly each: number;
  readonly has: (endpoint: EndpointRecord) => boolean;
}

const TABLES: readonly NeighbourTable[] = [
  { family: 'IPv4', limits: 'net/ipv4/neigh/default', each: 2, has: ({ ipv4 }) => ipv4 !== undefined },
  { family: 'IPv6', limits: 'net/ipv6/neigh/default', each: 4, has: ({ ipv6 }) => ipv6 !== undefined },
];

/**
 * Whether the kernel may remember as many neighbours as the endpoints need. Where it may not, it forgets some to
 * learn others, and drops packets when many speak at once ("neighbour table overflow" in its log).
 */
export async function neighbourTables({ kernel, ledger }: Pick<Context, 'kernel' | 'ledger'>): Promise<Finding[]> {
  const endpoints = [...ledger.endpoints.values()];
  const found = TABLES.map(async ({ family, limits, each, has }): Promise<Finding[]> => {
    const limit = Number(await kernel.sysctl(HOST, `${limits}/gc_thresh3`));
    const count = endpoints.filter(has).length;
    // NaN, where there is no limit to be read, is never less.
    if (!(limit < count * each)) return [];
    const room = 2 ** Math.ceil(Math.log2(count * each * 2));
    const dotted = limits.replaceAll('/', '.');
    return [
      {
        level: 'warning',
        subject: 'kernel',
        message: `${family}: remembers ${limit} neighbours for all namespaces together, and ${count} endpoints need about ${count * each}: packets are dropped when many of them speak at once`,
        remedy: `sysctl -w ${dotted}.gc_thresh2=${room / 2} ${dotted}.gc_thresh3=${room}, and the same in /etc/sysctl.d for the next start`,
      },
    ];
  });
  return (await Promise.all(found)).flat();
}
