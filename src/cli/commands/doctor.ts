import type { Command } from 'commander';
import { getFindings, repair } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl doctor` */
export function doctor(command: Command): void {
  addFormat(command, 'table')
    .option('--fix', 'repair what differs from what is written down, and remove what is stray')
    .addHelpText('after', '\nThe exit code is 1 when there is a warning or an error.')
    .action(async (options: { readonly format: Format; readonly fix?: boolean }, self: Command) => {
      const session = openSession(self, { changes: options.fix === true });
      if (options.fix === true) {
        await session.change(repair(), ({ repairs }) => {
          if (options.format === 'json') printJson(repairs);
          else print(...(repairs.length === 0 ? ['nothing to repair'] : repairs));
        });
        return;
      }
      const findings = await session.ask(getFindings());
      if (options.format === 'json') printJson(findings);
      else print(...findings.map(({ level, subject, message, remedy }) => `${level.padEnd(7)}  ${subject}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`));
      if (findings.some(({ level }) => level === 'warning' || level === 'error')) process.exitCode = 1;
    });
}
