import type { Command } from 'commander';
import { getLink } from '../../api/calls.ts';
import type { CableView } from '../../controller/cable-view.ts';
import { addFormat } from '../format.ts';
import { inspect } from '../inspect.ts';
import { endText } from '../link-text.ts';
import { formatSheet } from '../table.ts';

/** `netctl link inspect` */
export function linkInspect(command: Command): void {
  addFormat(command, 'json')
    .argument('<link...>', 'names or ids')
    .action((links: string[], _options: unknown, self: Command) => inspect(self, links, getLink, sheet));
}

function sheet({ name, id, created, mtu, ends }: CableView): string[] {
  return formatSheet([
    ['Name', name],
    ['Id', id],
    ['Created', created],
    ['MTU', String(mtu)],
    ['Ends', ends.map((end) => `${endText(end)} ${end.mac} in ${end.namespace}`)],
  ]);
}
