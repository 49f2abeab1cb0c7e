import type { Command } from 'commander';
import { endLease, leaseSandbox } from '../../api/calls.ts';
import { ApiClient } from '../../api/client.ts';
import type { LeaseBody } from '../../api/wire.ts';
import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import { shellQuote } from '../../kernel/shell-quote.ts';
import { become } from '../become.ts';
import { enterCommand } from '../enter-command.ts';
import { findProgram } from '../find-program.ts';
import { holdLease } from '../hold-lease.ts';
import { complain, print } from '../output.ts';
import { printExchange } from '../print-exchange.ts';
import { ownStat } from '../process-stat.ts';
import { randomName } from '../random-name.ts';
import { runChild } from '../run-child.ts';
import { sharedCommand, sharedNetwork, type SharedNetwork } from '../shared-network.ts';
import { addSandboxOptions, sandboxBody, type SandboxOptions } from '../sandbox-options.ts';
import { openSession, type Session } from '../session.ts';

const EXAMPLES = `
With --network host, sandbox:NAME or container:NAME there is no new sandbox: the program runs in that network as it is.

The sandbox goes when the program ends, or when netctl run itself is killed, and all that is still running in its
network namespace is killed with it: what the program has left in the background, what netctl exec has started there.
A program that has entered another network namespace goes on.
Exit code: that of the program, 128 + number for a signal; 125 when netctl itself fails, 126 when the program cannot be run, 127 when there is none.

Examples:
  netctl run --network blue -- ping -c 3 10.9.0.1
  netctl run --network blue -p 8080:80 --name web -- python3 -m http.server 80
  netctl run --network sandbox:web -- tcpdump -i eth0
  netctl run --network none -- make test`;

/** `netctl run` */
export function run(command: Command): void {
  addSandboxOptions(command)
    .argument('<command...>', 'program and its arguments, best behind --')
    .option('--name <name>', 'name of the sandbox (default: a random one)')
    .addHelpText('after', EXAMPLES)
    .action(async (words: string[], options: SandboxOptions & { readonly name?: string }, self: Command) => {
      const session = openSession(self, { changes: true });
      const shared = sharedNetwork(options);
      if (shared !== undefined) return runShared(session, shared, words);
      const lease = { pid: process.pid, startTime: ownStat().startTime };
      const body: LeaseBody = { ...sandboxBody(options.name ?? randomName(), options), lease };
      if (session.explain) print(...(await session.client.explain(leaseSandbox(body))));
      else process.exitCode = await runInSandbox(session, body, words);
    });
}

/** Nothing is made, so nothing has to be cleaned up: netctl becomes the program. */
async function runShared(session: Session, shared: SharedNetwork, words: readonly string[]): Promise<void> {
  const { words: all, environment } = await sharedCommand(session, shared, words);
  if (session.explain) print(all.map(shellQuote).join(' '));
  else process.exitCode = unfit(words) ?? become(all, environment);
}

/** Says why a program cannot be run. @returns the exit code for it; undefined when it can be run */
function unfit([program = '']: readonly string[]): number | undefined {
  const found = findProgram(program);
  if ('path' in found) return undefined;
  complain(`cannot run ${quote(program)}: ${found.reason}`);
  return found.exitCode;
}

async function runInSandbox(session: Session, body: LeaseBody, words: readonly string[]): Promise<number> {
  const exitCode = unfit(words);
  if (exitCode !== undefined) return exitCode;
  using held = await holdLease(session.client, session.socketPath, body, session.trace ? printExchange : undefined);
  try {
    return await runChild(enterCommand(held.sandbox, words), held.sandbox.environment);
  } finally {
    // It must not start another daemon than the user's own.
    await end(new ApiClient(session.socketPath), held.sandbox.id, session.trace);
  }
}

/** When we are gone it goes too, but nobody could wait for that. */
async function end(client: ApiClient, id: string, trace: boolean): Promise<void> {
  try {
    await (trace ? client.trace(endLease(id), printExchange) : client.send(endLease(id)));
  } catch (thrown) {
    const error = NetworkError.from(thrown);
    if (error.code === 'UNAVAILABLE') complain(`${error.message}; the sandbox goes when the daemon is back`);
    else if (error.code !== 'NOT_FOUND') throw error;
  }
}
