import { Option, type Command } from 'commander';
import { print } from './output.ts';
import { oneOf } from './option-values.ts';

/** How lists and things are printed. */
export type Format = 'table' | 'json';

/** Adds `--format table|json` to a command. */
export function addFormat(command: Command, byDefault: Format): Command {
  return command.addOption(new Option('--format <format>', 'table or json').argParser(oneOf('--format', ['table', 'json'])).default(byDefault));
}

/** Prints JSON as people read it. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}
