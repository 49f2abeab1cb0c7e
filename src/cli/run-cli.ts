import { CommanderError } from 'commander';
import { NetworkError } from '../common/error.ts';
import { makeStreamsBlocking } from './blocking-streams.ts';
import { complain, print } from './output.ts';
import { buildProgram, commandPath } from './program.ts';
import { plainFlags } from './plain-flags.ts';

/** As `docker run` and `docker exec` end when they fail themselves, and not the program in them. */
const RUN_FAILED = 125;
const REFUSED = 1;
const BAD_USAGE = 2;

/**
 * Carries out a command line.
 * @param given without the program's own name
 * @returns the exit code: 0, 1 refused, 2 bad usage; for `run` and `exec` the program's own, 125 where netctl itself fails, 126 and 127 where the program cannot be started
 */
export async function runCli(given: readonly string[]): Promise<number> {
  makeStreamsBlocking();
  if (given[0] === '__complete') {
    const { complete } = await import('./complete.ts');
    print(...(await complete(given.slice(1))));
    return 0;
  }
  // `netctl help network create` is `netctl network create --help`.
  const words = plainFlags(given[0] === 'help' ? [...given.slice(1), '--help'] : given);
  const path = commandPath(words);
  const passesThrough = path[0] === 'run' || path[0] === 'exec';
  try {
    const program = await buildProgram(words);
    await program.parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0;
      if (thrown.code !== 'commander.help') complain(`${usageMessage(thrown.message)}; see 'netctl ${[...path, '--help'].join(' ')}'`);
      return passesThrough ? RUN_FAILED : BAD_USAGE;
    }
    const error = NetworkError.from(thrown);
    complain(error.message.replaceAll(/\s*\n\s*/g, ' '));
    if (error.code === 'INTERNAL' && process.env['NETCTL_DEBUG'] !== undefined) console.error(thrown);
    if (passesThrough) return RUN_FAILED;
    return error.code === 'INVALID' ? BAD_USAGE : REFUSED;
  }
}

/** commander says `error: unknown option '--x'`, and on a second line what was perhaps meant. */
function usageMessage(message: string): string {
  return message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ').replace(/\.$/, '');
}
