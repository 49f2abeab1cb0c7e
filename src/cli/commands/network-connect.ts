import type { Command } from 'commander';
import { connectSandbox } from '../../api/calls.ts';
import { addConnectOptions, connectOptions, type ConnectOptions } from '../connect-options.ts';
import { collect } from '../option-values.ts';
import { openSession } from '../session.ts';

interface NetworkConnectOptions extends ConnectOptions {
  readonly link?: readonly string[];
}

const EXAMPLES = `
Examples:
  netctl network connect blue web
  netctl network connect --ip 10.9.0.9 --alias db --gw-priority 10 blue web
  netctl network connect --link db:store blue web`;

/** `netctl network connect` */
export function networkConnect(command: Command): void {
  addConnectOptions(command)
    .argument('<network>', 'name or id')
    .argument('<sandbox>', 'name or id')
    .option('--link <sandbox[:alias]>', 'other name that it alone knows a neighbour in the network by', collect)
    .addHelpText('after', EXAMPLES)
    .action(async (network: string, sandbox: string, { link, ...options }: NetworkConnectOptions, self: Command) => {
      const request = { sandbox, ...connectOptions(options), ...(link === undefined ? {} : { links: link }) };
      await openSession(self, { changes: true }).change(connectSandbox(network, request), () => {});
    });
}
