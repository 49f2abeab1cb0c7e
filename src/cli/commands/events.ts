import type { Command } from 'commander';
import { followEvents } from '../../api/calls.ts';
import type { ControllerEvent } from '../../controller/events.ts';
import { addFormat, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { shortId } from '../table.ts';

/** `netctl events` */
export function events(command: Command): void {
  addFormat(command, 'table')
    .addHelpText('after', '\nIt goes on until it is interrupted. With --format json, a line is one event.')
    .action(async (options: { readonly format: Format }, self: Command) => {
      using stream = await openSession(self).client.lines(followEvents());
      for await (const line of stream) print(options.format === 'json' ? line : eventText(JSON.parse(line) as ControllerEvent));
    });
}

/** `2026-01-02T03:04:05.678Z network create blue (1f2e3d4c5b6a, driver=bridge)`, as Docker writes them. */
function eventText({ time, type, action, id, name, attributes }: ControllerEvent): string {
  const more = [...(id === '' ? [] : [shortId(id)]), ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`)];
  return `${time} ${type} ${action} ${name}${more.length === 0 ? '' : ` (${more.join(', ')})`}`;
}
