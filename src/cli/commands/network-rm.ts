import type { Command } from 'commander';
import { removeNetwork } from '../../api/calls.ts';
import { forEachName } from '../for-each-name.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl network rm` */
export function networkRemove(command: Command): void {
  command
    .argument('<network...>', 'names or ids')
    .option('-f, --force', "also a Docker engine's network that the engine has forgotten")
    .action(async (networks: string[], options: { readonly force?: boolean }, self: Command) => {
      const session = openSession(self, { changes: true });
      await forEachName(networks, (network) => session.change(removeNetwork(network, options.force ?? false), () => print(network)));
    });
}
