import type { Command } from 'commander';
import { listLinks } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { endText } from '../link-text.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable, shortId } from '../table.ts';

interface Options {
  readonly format: Format;
  readonly quiet?: boolean;
  readonly trunc: boolean;
  readonly sandbox?: string;
}

/** `netctl link ls` */
export function linkList(command: Command): void {
  addFormat(command, 'table')
    .option('-q, --quiet', 'only ids')
    .option('--no-trunc', 'ids in full')
    .option('--sandbox <sandbox>', 'only those of this sandbox')
    .action(async (options: Options, self: Command) => {
      const links = await openSession(self).ask(listLinks(options.sandbox));
      if (options.format === 'json') return printJson(links);
      const idOf = (id: string): string => (options.trunc ? shortId(id) : id);
      if (options.quiet === true) return print(...links.map(({ id }) => idOf(id)));
      const rows = links.map(({ id, name, ends: [near, far], mtu }) => [idOf(id), name, endText(near), endText(far), String(mtu)]);
      print(...formatTable(['LINK ID', 'NAME', 'ONE END', 'OTHER END', 'MTU'], rows));
    });
}
