import { resolve } from 'node:path';
import type { Command } from 'commander';
import { adoptSandbox } from '../../api/calls.ts';
import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import { print } from '../output.ts';
import { addSandboxOptions, sandboxBody, type SandboxOptions } from '../sandbox-options.ts';
import { openSession } from '../session.ts';

interface Options extends SandboxOptions {
  readonly pid?: string;
  readonly netns?: string;
}

const EXAMPLES = `
Examples:
  netctl sandbox adopt --pid "$(docker inspect -f '{{.State.Pid}}' web)" --network blue web
  netctl sandbox adopt --netns /run/netns/old --network blue -p 8080:80 old`;

/** `netctl sandbox adopt` */
export function sandboxAdopt(command: Command): void {
  addSandboxOptions(command)
    .argument('<name>', 'name of the new sandbox')
    .option('--pid <pid>', 'process in the namespace')
    .option('--netns <path>', 'path of the namespace')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: Options, self: Command) => {
      const body = { ...sandboxBody(name, options), namespace: namespacePath(options) };
      await openSession(self, { changes: true }).change(adoptSandbox(body), ({ id }) => print(id));
    });
}

function namespacePath({ pid, netns }: Options): string {
  if ((pid === undefined) === (netns === undefined)) throw new NetworkError('INVALID', "say which namespace, by one of --pid PID and --netns PATH");
  if (netns !== undefined) return resolve(netns);
  if (pid === undefined || !/^[1-9]\d{0,9}$/.test(pid)) throw new NetworkError('INVALID', `--pid ${quote(pid ?? '')} must be the number of a process`);
  return `/proc/${pid}/ns/net`;
}
