import type { Command } from 'commander';
import { removeSandbox } from '../../api/calls.ts';
import { forEachName } from '../for-each-name.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

const NOTES = `
Programs that run in it go on, without its networks and ports, in a network namespace that has no name any more;
'ip netns pids NAME' lists them before.`;

/** `netctl sandbox rm` */
export function sandboxRemove(command: Command): void {
  command
    .argument('<sandbox...>', 'names or ids')
    .addHelpText('after', NOTES)
    .action(async (sandboxes: string[], _options: unknown, self: Command) => {
      const session = openSession(self, { changes: true });
      await forEachName(sandboxes, (sandbox) => session.change(removeSandbox(sandbox), () => print(sandbox)));
    });
}
