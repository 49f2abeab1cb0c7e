import type { Command } from 'commander';
import { listNames } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable } from '../table.ts';

const EXAMPLES = `
FROM says why there is a name: sandbox (its name), hostname, id (the first digits), alias, container, other host (whose sandbox
or container it is), host; link and extra host are known to one sandbox alone. Every name of a network is served as NAME.NETWORK too.`;

/** `netctl dns ls` */
export function dnsList(command: Command): void {
  addFormat(command, 'table')
    .argument('[network]', 'only names that its members know')
    .addHelpText('after', EXAMPLES)
    .action(async (network: string | undefined, options: { readonly format: Format }, self: Command) => {
      const names = await openSession(self).ask(listNames(network));
      if (options.format === 'json') return printJson(names);
      const rows = names.map(({ name, addresses, from, network: known, knownTo, owner }) => [name, addresses.join(', ') || '-', from, owner ?? '-', known ?? `(${knownTo ?? ''})`]);
      print(...formatTable(['NAME', 'ADDRESSES', 'FROM', 'OF', 'KNOWN IN'], rows));
    });
}
