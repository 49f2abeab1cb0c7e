import type { Command } from 'commander';
import { connectSandbox } from '../../api/calls.ts';
import { addConnectOptions, connectOptions, type ConnectOptions } from '../connect-options.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Examples:
  netctl network connect blue web
  netctl network connect --ip 10.9.0.9 --alias db --gw-priority 10 blue web`;

/** `netctl network connect` */
export function networkConnect(command: Command): void {
  addConnectOptions(command)
    .argument('<network>', 'name or id')
    .argument('<sandbox>', 'name or id')
    .addHelpText('after', EXAMPLES)
    .action(async (network: string, sandbox: string, options: ConnectOptions, self: Command) => {
      await openSession(self, { changes: true }).change(connectSandbox(network, { sandbox, ...connectOptions(options) }), () => {});
    });
}
