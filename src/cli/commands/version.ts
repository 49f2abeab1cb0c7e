import type { Command } from 'commander';
import { getVersion } from '../../api/calls.ts';
import { packageVersion } from '../../api/package-version.ts';
import { NetworkError } from '../../common/error.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

/** `netctl version` */
export function version(command: Command): void {
  addFormat(command, 'table').action(async (options: { readonly format: Format }, self: Command) => {
    const session = openSession(self, { autostart: false });
    const client = { version: packageVersion(), node: process.version };
    const daemon = await session.ask(getVersion()).catch((error: unknown) => NetworkError.from(error));
    if (options.format === 'json') return printJson({ client, daemon: daemon instanceof NetworkError ? null : daemon });
    print(`netctl ${client.version} (node ${client.node})`);
    if (daemon instanceof NetworkError) print(`daemon: ${daemon.message}`);
    else print(`daemon ${daemon.version} (node ${daemon.node}, process ${daemon.pid}, instance ${daemon.instance})`);
  });
}
