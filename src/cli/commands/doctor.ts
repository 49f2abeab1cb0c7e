import type { Command } from 'commander';
import { getFindings, repair } from '../../api/calls.ts';
import type { Finding } from '../../api/wire.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl doctor` */
export function doctor(command: Command): void {
  addFormat(command, 'table')
    .option('--fix', 'repair what differs from what is written down, and remove what is stray')
    .addHelpText('after', '\nThe exit code is 1 when there is a warning or an error, with --fix when one is left.')
    .action(async (options: { readonly format: Format; readonly fix?: boolean }, self: Command) => {
      const session = openSession(self, { changes: options.fix === true });
      if (options.fix === true) {
        await session.change(repair(), async ({ repairs }) => {
          const left = (await session.ask(getFindings())).filter(isTrouble);
          if (options.format === 'json') printJson(repairs);
          else print(...(repairs.length + left.length === 0 ? ['nothing to repair'] : [...repairs, ...left.map(line)]));
          if (left.length > 0) process.exitCode = 1;
        });
        return;
      }
      const findings = await session.ask(getFindings());
      if (options.format === 'json') printJson(findings);
      else print(...findings.map(line));
      if (findings.some(isTrouble)) process.exitCode = 1;
    });
}

function isTrouble({ level }: Finding): boolean {
  return level === 'warning' || level === 'error';
}

function line({ level, subject, message, remedy }: Finding): string {
  return `${level.padEnd(7)}  ${subject}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`;
}
