import type { Command } from 'commander';
import { createSandbox } from '../../api/calls.ts';
import { print } from '../output.ts';
import { addSandboxOptions, sandboxBody, type SandboxOptions } from '../sandbox-options.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Examples:
  netctl sandbox create --network blue web
  netctl sandbox create --network blue,ip=10.9.0.9,alias=db --network green -p 8080:80 -p 127.0.0.1::53/udp web
  ip netns exec web ip addr`;

/** `netctl sandbox create` */
export function sandboxCreate(command: Command): void {
  addSandboxOptions(command)
    .argument('<name>', "name of the new sandbox, which 'ip netns' knows too")
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: SandboxOptions, self: Command) => {
      await openSession(self, { changes: true }).change(createSandbox(sandboxBody(name, options)), ({ id }) => print(id));
    });
}
