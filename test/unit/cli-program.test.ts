import assert from 'node:assert/strict';
import type { Command } from 'commander';
import { COMMANDS, type CommandTable } from '../../src/cli/command-table.ts';
import { buildProgram, commandPath, spokenPath } from '../../src/cli/program.ts';

function* leaves(table: CommandTable, path: readonly string[] = []): Generator<{ readonly path: readonly string[]; readonly changes: boolean }> {
  for (const [name, { commands, changes }] of Object.entries(table)) {
    if (commands === undefined) yield { path: [...path, name], changes: changes ?? false };
    else yield* leaves(commands, [...path, name]);
  }
}

async function commandAt(path: readonly string[]): Promise<Command> {
  let command = await buildProgram(path);
  for (const name of path) {
    const next = command.commands.find((inner) => inner.name() === name);
    assert.ok(next, `no command ${name}`);
    command = next;
  }
  return command;
}

describe('the command line', () => {
  it('has the commands of its grammar', () => {
    const all = [...leaves(COMMANDS)].map(({ path }) => path.join(' '));
    assert.deepEqual(all, [
      'daemon',
      ...['create', 'ls', 'inspect', 'rm', 'prune', 'connect', 'disconnect'].map((name) => `network ${name}`),
      ...['create', 'adopt', 'ls', 'inspect', 'rm'].map((name) => `sandbox ${name}`),
      ...['create', 'ls', 'inspect', 'rm'].map((name) => `link ${name}`),
      'exec',
      'run',
      ...['ls', 'forget'].map((name) => `cluster ${name}`),
      ...['ls', 'query', 'stats'].map((name) => `dns ${name}`),
      ...'port ps events doctor version completion'.split(' '),
    ]);
  });

  for (const { path, changes } of leaves(COMMANDS)) {
    it(`${path.join(' ')} takes the global options${changes ? ', --explain, --trace' : ''} and explains each of its own`, async () => {
      const command = await commandAt(path);
      const options = new Set(command.options.map(({ long }) => long));
      assert.ok(options.has('--run-dir') && options.has('--no-autostart'));
      assert.equal(options.has('--explain'), changes);
      assert.equal(options.has('--trace'), changes);
      assert.equal(/\b(?:ls|inspect|query|stats|port|ps|events|doctor|version)$/.test(path.join(' ')), options.has('--format'));
      for (const { hidden, flags, description } of command.options) assert.ok(hidden || description !== '', flags);
      for (const argument of command.registeredArguments) assert.notEqual(argument.description, '', argument.name());
      assert.match(command.helpInformation(), new RegExp(`^Usage: netctl ${path.join(' ')}`));
    });
  }

  it('finds its command behind global options, by any of its names', () => {
    assert.deepEqual(commandPath(['--run-dir', 'network', 'network', '--no-autostart', 'list', 'x']), ['network', 'ls']);
    assert.deepEqual(commandPath(['--run-dir=network', 'ps']), ['ps']);
    assert.deepEqual(commandPath(['network', 'toString']), ['network']);
    assert.deepEqual(commandPath(['constructor']), []);
    assert.deepEqual(commandPath(['exec', 'network', 'ls']), ['exec']);
  });

  it('finds the command of a group that need not be named', () => {
    assert.deepEqual(commandPath(['link', 'web', 'db']), ['link', 'create']);
    assert.deepEqual(commandPath(['link', '--explain', 'list']), ['link', 'ls']);
    assert.deepEqual(commandPath(['link', '--name', 'ls', 'web', 'db']), ['link', 'create']);
    assert.deepEqual(spokenPath(['link', 'web', 'db']), ['link']);
  });

  it('loads no more than the command that is called', async () => {
    const program = await buildProgram(['network', 'ls']);
    const other = program.commands.find((command) => command.name() === 'sandbox');
    assert.deepEqual(other?.commands, []);
  });
});
