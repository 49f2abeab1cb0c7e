import type { Command } from 'commander';
import { getNameCounts } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable } from '../table.ts';

const COLUMNS = ['queries', 'local', 'cached', 'forwarded', 'nxdomain', 'servfail', 'refused', 'timeouts', 'malformed', 'dropped'] as const;

const EXAMPLES = `
LOCAL: answered from names of ours; CACHED and FORWARDED: by servers outside, before and now. P50 and P99: within which time half
of the questions, and 99 of 100, were answered.`;

/** `netctl dns stats` */
export function dnsStats(command: Command): void {
  addFormat(command, 'table')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { readonly format: Format }, self: Command) => {
      const counts = await openSession(self).ask(getNameCounts());
      if (options.format === 'json') return printJson(counts);
      const rows = counts.map((one) => [one.asker ?? '(all)', ...COLUMNS.map((column) => String(one[column])), within(one.latency, 0.5), within(one.latency, 0.99)]);
      print(...formatTable(['SANDBOX', ...COLUMNS.map((column) => column.toUpperCase()), 'P50', 'P99'], rows));
    });
}

/** Entry i counts answers within 2^i µs. */
function within(latency: readonly number[], share: number): string {
  const all = latency.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  const power = latency.findIndex((count) => (seen += count) >= share * all && all > 0);
  return power < 0 ? '-' : `${2 ** power} µs`;
}
