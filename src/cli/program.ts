import { Command, Option } from 'commander';
import { packageVersion } from '../api/package-version.ts';
import { COMMANDS, type CommandEntry, type CommandTable } from './command-table.ts';
import { print } from './output.ts';

/** Names of the options that every command takes, before or after its name; the value tells whether a value follows. */
const GLOBAL_OPTIONS: Readonly<Record<string, boolean>> = { '--run-dir': true, '--no-autostart': false, '--explain': false, '--trace': false };

/** The words of the command itself: `['network', 'create']`, also where one may be left out. */
export function commandPath(words: readonly string[]): string[] {
  const { path, usual } = spoken(words);
  return usual === undefined ? path : [...path, usual];
}

/** The same, without what was left out. */
export function spokenPath(words: readonly string[]): string[] {
  return spoken(words).path;
}

function spoken(words: readonly string[]): { readonly path: string[]; readonly usual: string | undefined } {
  const path: string[] = [];
  let table: CommandTable | undefined = COMMANDS;
  let usual: string | undefined;
  for (let index = 0; index < words.length && table !== undefined; index += 1) {
    const word = words[index] ?? '';
    if (word.startsWith('-')) {
      // An option of the command that was left out: what follows may be its value.
      if (usual !== undefined && !(word in GLOBAL_OPTIONS)) break;
      if (GLOBAL_OPTIONS[word] === true) index += 1;
      continue;
    }
    const found: readonly [string, CommandEntry] | undefined = Object.entries(table).find(([name, { alias }]) => name === word || alias === word);
    if (found === undefined) break;
    path.push(found[0]);
    ({ commands: table, usual } = found[1]);
  }
  return { path, usual };
}

/**
 * The command line with the one command defined that the words call; of all others only name and
 * summary are known.
 */
export async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = new Command('netctl')
    .description('Networks, network namespaces and published ports, in the words of Docker.')
    .usage('[OPTIONS] COMMAND')
    .exitOverride()
    // Errors are printed in one place, on one line; help as everything else is, into a pipe that nobody reads too.
    .configureOutput({ outputError: () => {}, writeOut: (text) => print(text.replace(/\n$/, '')) })
    .configureHelp({ sortOptions: true, showGlobalOptions: false })
    .helpOption('-h, --help', 'print this help')
    .version(`netctl ${packageVersion()}`, '-v, --version', 'print the version of netctl')
    .helpCommand(false)
    .enablePositionalOptions();
  addGlobals(program, true);
  program.addHelpText('after', "\nRun 'netctl COMMAND --help' for more on a command.");
  await addCommands(program, COMMANDS, commandPath(words), words);
  return program;
}

async function addCommands(parent: Command, table: CommandTable, path: readonly string[], words: readonly string[], usual?: string): Promise<void> {
  const [called, ...deeper] = path;
  for (const [name, entry] of Object.entries(table)) {
    const command = parent.command(name, { isDefault: name === usual }).summary(entry.summary).description(`${entry.summary[0]?.toUpperCase() ?? ''}${entry.summary.slice(1)}.`);
    if (entry.alias !== undefined) command.alias(entry.alias);
    if (name !== called) continue;
    addGlobals(command, entry.changes ?? entry.commands !== undefined);
    if (entry.commands !== undefined) {
      command.usage('COMMAND').helpCommand(false).enablePositionalOptions();
      await addCommands(command, entry.commands, deeper, words, entry.usual);
    }
    // With a `--` it is plain where the other program begins, and options may stand anywhere before.
    if (entry.passesThrough === true && !words.includes('--')) command.passThroughOptions();
    (await entry.load?.())?.(command);
  }
}

function addGlobals(command: Command, changes: boolean): void {
  command.addOption(new Option('--run-dir <folder>', 'folder of the daemon\'s socket (default: $NETCTL_RUN_DIR or /run/netctl)'));
  command.addOption(new Option('--no-autostart', 'do not start a daemon where none runs'));
  if (!changes) return;
  command.addOption(new Option('--explain', 'print the commands that it amounts to, and do nothing'));
  command.addOption(new Option('--trace', 'print what is said with Docker plugins meanwhile'));
}
