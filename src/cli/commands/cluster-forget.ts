import type { Command } from 'commander';
import { forgetHost } from '../../api/calls.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Its endpoints are withdrawn everywhere, and its addresses are given to others. Do not let it come back with its old state folder.

Examples:
  netctl cluster ls
  netctl cluster forget 3f2a9c01`;

/** `netctl cluster forget` */
export function clusterForget(command: Command): void {
  command
    .argument('<host>', "id of a host that is lost: 'netctl cluster ls' lists them")
    .addHelpText('after', EXAMPLES)
    .action(async (host: string, _options: unknown, self: Command) => {
      await openSession(self).ask(forgetHost(host));
      print(host);
    });
}
