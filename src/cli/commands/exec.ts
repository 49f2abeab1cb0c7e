import type { Command } from 'commander';
import { getSandbox } from '../../api/calls.ts';
import { quote } from '../../common/quote.ts';
import { become } from '../become.ts';
import { enterCommand } from '../enter-command.ts';
import { findProgram } from '../find-program.ts';
import { complain } from '../output.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Exit code: that of the program; 125 when netctl itself fails, 126 when the program cannot be run, 127 when there is none.

Examples:
  netctl exec web -- ip addr
  netctl exec web -- sh -c 'ping -c 1 10.9.0.1'`;

/** `netctl exec` */
export function exec(command: Command): void {
  command
    .argument('<sandbox>', 'name or id')
    .argument('<command...>', 'program and its arguments, best behind --')
    .addHelpText('after', EXAMPLES)
    .action(async (sandbox: string, words: string[], _options: unknown, self: Command) => {
      const view = await openSession(self).ask(getSandbox(sandbox));
      const [program = ''] = words;
      const found = findProgram(program);
      if (!('path' in found)) {
        complain(`cannot run ${quote(program)} in sandbox ${quote(view.name)}: ${found.reason}`);
        process.exitCode = found.exitCode;
        return;
      }
      become(enterCommand(view, words), view.environment);
    });
}
