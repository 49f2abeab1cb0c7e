import type { Command } from 'commander';
import type { ApiCall } from '../api/calls.ts';
import { ApiClient } from '../api/client.ts';
import { defaultRunFolder, socketPath } from '../api/socket-path.ts';
import { NetworkError } from '../common/error.ts';
import { complain, print } from './output.ts';
import { printExchange } from './print-exchange.ts';

/** What a command does with its daemon. */
export interface Session {
  readonly client: ApiClient;
  readonly socketPath: string;
  /** Whether changes are only to be explained. */
  readonly explain: boolean;
  /** Whether what is said with Docker plugins is to be printed. */
  readonly trace: boolean;
  /** Asks for something. @throws {NetworkError} what the daemon says */
  ask<Answer>(call: ApiCall<Answer>): Promise<Answer>;
  /**
   * Asks for a change, and hands its answer to `done`; with `--explain` prints the commands instead.
   * @throws {NetworkError} what the daemon says
   */
  change<Answer>(call: ApiCall<Answer>, done: (answer: Answer) => void | Promise<void>): Promise<void>;
}

/** How a session is opened. */
export interface SessionOptions {
  /** The command changes something, so that it can be explained. */
  readonly changes?: boolean;
  /** false: never starts a daemon, whatever the command line says. */
  readonly autostart?: boolean;
}

/** The session of a command, by its options and those before it. */
export function openSession(command: Command, options: SessionOptions = {}): Session {
  const globals = globalOptions(command);
  const flag = globals.explain ? '--explain' : '--trace';
  if ((globals.explain || globals.trace) && options.changes !== true) throw new NetworkError('INVALID', `${flag}: 'netctl ${commandName(command)}' changes nothing`);
  if (globals.explain && globals.trace) throw new NetworkError('INVALID', '--explain and --trace do not go together: what is only explained is not said to any plugin');
  const path = socketPath(globals.runFolder);
  const autostart = globals.autostart && (options.autostart ?? true);
  const client = new ApiClient(path, autostart ? { onAbsent: () => startDaemon(globals.runFolder) } : {});
  return {
    client,
    socketPath: path,
    explain: globals.explain,
    trace: globals.trace,
    ask: (call) => client.send(call),
    change: async (call, done) => {
      if (globals.explain) print(...(await client.explain(call)));
      else await done(await (globals.trace ? client.trace(call, printExchange) : client.send(call)));
    },
  };
}

/** Words of a command without the program's name: `network create`. */
function commandName(command: Command): string {
  return command.parent === null ? '' : `${commandName(command.parent)} ${command.name()}`.trim();
}

/** The run folder that the command line names, if it does. */
export function givenRunFolder(command: Command): string | undefined {
  return command.opts<{ runDir?: string }>().runDir ?? (command.parent === null ? undefined : givenRunFolder(command.parent));
}

interface Globals {
  readonly runFolder: string;
  readonly autostart: boolean;
  readonly explain: boolean;
  readonly trace: boolean;
}

function globalOptions(command: Command): Globals {
  const runFolder = givenRunFolder(command);
  let autostart = true;
  let explain = false;
  let trace = false;
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const options = at.opts<{ autostart?: boolean; explain?: boolean; trace?: boolean }>();
    autostart &&= options.autostart ?? true;
    explain ||= options.explain ?? false;
    trace ||= options.trace ?? false;
  }
  if (runFolder === '') throw new NetworkError('INVALID', '--run-dir must name a folder');
  return { runFolder: runFolder ?? defaultRunFolder(), autostart, explain, trace };
}

async function startDaemon(runFolder: string): Promise<void> {
  const { startDaemon: start } = await import('./start-daemon.ts');
  await start(runFolder, complain);
}
