import type { Command } from 'commander';
import { listSandboxes } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable, shortId } from '../table.ts';

interface Options {
  readonly format: Format;
  readonly quiet?: boolean;
  readonly trunc: boolean;
}

/** `netctl sandbox ls` */
export function sandboxList(command: Command): void {
  addFormat(command, 'table')
    .option('-q, --quiet', 'only ids')
    .option('--no-trunc', 'ids in full')
    .action(async (options: Options, self: Command) => {
      const sandboxes = await openSession(self).ask(listSandboxes());
      if (options.format === 'json') return printJson(sandboxes);
      const idOf = (id: string): string => (options.trunc ? shortId(id) : id);
      if (options.quiet === true) return print(...sandboxes.map(({ id }) => idOf(id)));
      const rows = sandboxes.map(({ id, name, kind, lease, endpoints, namespace }) => [
        idOf(id),
        name,
        lease === undefined ? kind : 'run',
        endpoints.map(({ network }) => network).join(', ') || '-',
        namespace,
      ]);
      print(...formatTable(['SANDBOX ID', 'NAME', 'KIND', 'NETWORKS', 'NAMESPACE'], rows));
    });
}
