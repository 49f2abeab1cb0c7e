import type { Command } from 'commander';
import { removeLink } from '../../api/calls.ts';
import { forEachName } from '../for-each-name.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl link rm` */
export function linkRemove(command: Command): void {
  command.argument('<link...>', 'names or ids').action(async (links: string[], _options: unknown, self: Command) => {
    const session = openSession(self, { changes: true });
    await forEachName(links, (link) => session.change(removeLink(link), () => print(link)));
  });
}
