import type { Command } from 'commander';
import { listNetworks } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable, shortId } from '../table.ts';

interface Options {
  readonly format: Format;
  readonly quiet?: boolean;
  readonly trunc: boolean;
}

/** `netctl network ls` */
export function networkList(command: Command): void {
  addFormat(command, 'table')
    .option('-q, --quiet', 'only ids')
    .option('--no-trunc', 'ids in full')
    .action(async (options: Options, self: Command) => {
      const networks = await openSession(self).ask(listNetworks());
      if (options.format === 'json') return printJson(networks);
      const idOf = (id: string): string => (options.trunc ? shortId(id) : id);
      if (options.quiet === true) return print(...networks.map(({ id }) => idOf(id)));
      const rows = networks.map(({ id, name, driver, ipv4, ipv6, endpoints, owner }) => [
        idOf(id),
        name,
        driver,
        [...ipv4, ...ipv6].map(({ subnet }) => subnet).join(', ') || '-',
        String(endpoints.length),
        owner === 'engine' ? 'docker' : owner,
      ]);
      print(...formatTable(['NETWORK ID', 'NAME', 'DRIVER', 'SUBNETS', 'ENDPOINTS', 'OWNER'], rows));
    });
}
