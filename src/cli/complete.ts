import type { Argument, Command, Option } from 'commander';
import { listLinks, listNetworks, listSandboxes } from '../api/calls.ts';
import { buildProgram, commandPath, spokenPath } from './program.ts';
import { openSession, type Session } from './session.ts';

/** Options whose value is the name of something that the daemon knows. */
const NAMED_VALUES: Readonly<Record<string, 'network' | 'sandbox'>> = { '--network': 'network', '--link': 'sandbox', '--sandbox': 'sandbox' };
const NAMED_ARGUMENTS = ['network', 'sandbox', 'link'] as const;
const FIXED_VALUES: Readonly<Record<string, readonly string[]>> = {
  '--format': ['table', 'json'],
  '--firewall': ['auto', 'nft', 'iptables'],
  '--log-level': ['debug', 'info', 'warn', 'error'],
  '--log-format': ['text', 'json'],
  '--driver': ['bridge'],
};

/**
 * What the word under the cursor can be.
 * @param words of the command line behind `netctl`; the last is the one to be completed, perhaps empty
 */
export async function complete(words: readonly string[]): Promise<string[]> {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  // Behind -- there is another program's command line.
  if (before.includes('--')) return [];
  const program = await buildProgram(before);
  const command = called(program, before);
  const runFolder = before[before.indexOf('--run-dir') + 1];
  if (before.includes('--run-dir') && runFolder !== undefined) command.setOptionValue('runDir', runFolder);
  const previous = before.at(-1) ?? '';
  const option = command.options.find((known) => takesValue(known) && [known.long, known.short].includes(previous));
  const candidates = option === undefined ? await wordsFor(command, before, last) : await valuesOf(command, option);
  return candidates.filter((candidate) => candidate.startsWith(last));
}

function called(program: Command, words: readonly string[]): Command {
  return commandPath(words).reduce<Command>((at, name) => at.commands.find((command) => command.name() === name) ?? at, program);
}

async function wordsFor(command: Command, before: readonly string[], last: string): Promise<readonly string[]> {
  if (last.startsWith('-')) return [...command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []), '--help'];
  if (command.commands.length > 0) return command.commands.map((inner) => inner.name());
  const count = operands(command, before);
  // `netctl link` can go on with `ls` as well as with a sandbox.
  const unsaid = count === 0 && spokenPath(before).length < commandPath(before).length ? (command.parent?.commands ?? []).map((sibling) => sibling.name()) : [];
  const argument = argumentAt(command, count);
  if (argument === undefined) return unsaid;
  if (argument.argChoices !== undefined) return argument.argChoices;
  const named = NAMED_ARGUMENTS.find((name) => name === argument.name());
  return [...unsaid, ...(named === undefined ? [] : await namesOf(command, named))];
}

/** How many words of the command's own are there already, options and their values aside. */
function operands(command: Command, before: readonly string[]): number {
  const valued = new Set<string | undefined>(command.options.filter(takesValue).flatMap(({ long, short }) => [long, short]));
  const own = before.filter((word, index) => !word.startsWith('-') && !valued.has(before[index - 1] ?? ''));
  return own.length - spokenPath(before).length;
}

function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

async function valuesOf(command: Command, { long }: Option): Promise<readonly string[]> {
  const named = NAMED_VALUES[long ?? ''];
  if (named === 'network') return [...(await namesOf(command, named)), 'none', ...(command.name() === 'run' ? ['host'] : [])];
  return named === undefined ? (FIXED_VALUES[long ?? ''] ?? []) : namesOf(command, named);
}

/** Nothing can be done to the networks that are always there. */
function isChangeable({ driver }: { readonly driver: string }): boolean {
  return driver !== 'host' && driver !== 'null';
}

async function namesOf(command: Command, what: (typeof NAMED_ARGUMENTS)[number]): Promise<readonly string[]> {
  try {
    const session: Session = openSession(command, { autostart: false, changes: true });
    const lists = { network: () => session.ask(listNetworks()).then((all) => all.filter(isChangeable)), sandbox: () => session.ask(listSandboxes()), link: () => session.ask(listLinks()) };
    const found: readonly { readonly name: string }[] = await lists[what]();
    return found.map(({ name }) => name);
  } catch {
    // A completion that complains is worse than none.
    return [];
  }
}
