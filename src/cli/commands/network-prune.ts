import type { Command } from 'commander';
import { pruneNetworks } from '../../api/calls.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl network prune` */
export function networkPrune(command: Command): void {
  command
    .option('-f, --force', 'for those who know it from Docker: nothing is asked anyway')
    .action(async (_options: unknown, self: Command) => {
      await openSession(self, { changes: true }).change(pruneNetworks(), ({ removed }) => print(...removed));
    });
}
