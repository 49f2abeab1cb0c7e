import type { Command } from 'commander';
import type { ApiCall } from '../api/calls.ts';
import { forEachName } from './for-each-name.ts';
import { printJson, type Format } from './format.ts';
import { print } from './output.ts';
import { openSession } from './session.ts';

/**
 * Prints things in full: as a JSON array like Docker, or as sheets. What is not there is said on
 * standard error, and the rest is printed.
 */
export async function inspect<View>(command: Command, names: readonly string[], call: (name: string) => ApiCall<View>, sheet: (view: View) => string[]): Promise<void> {
  const session = openSession(command);
  const views: View[] = [];
  await forEachName(names, async (name) => void views.push(await session.ask(call(name))));
  if (command.opts<{ format: Format }>().format === 'json') printJson(views);
  else print(...views.flatMap((view, index) => [...(index === 0 ? [] : ['']), ...sheet(view)]));
}
