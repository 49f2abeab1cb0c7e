import type { Command } from 'commander';
import { disconnectSandbox } from '../../api/calls.ts';
import { openSession } from '../session.ts';

/** `netctl network disconnect` */
export function networkDisconnect(command: Command): void {
  command
    .argument('<network>', 'name or id')
    .argument('<sandbox>', 'name or id')
    .action(async (network: string, sandbox: string, _options: unknown, self: Command) => {
      await openSession(self, { changes: true }).change(disconnectSandbox(network, { sandbox }), () => {});
    });
}
