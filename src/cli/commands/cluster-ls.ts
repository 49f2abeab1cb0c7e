import type { Command } from 'commander';
import { getCluster } from '../../api/calls.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable } from '../table.ts';

const EXAMPLES = `
STATE: here is this host; there, another one; lost, one that is gone and has left endpoints or addresses behind, which
'netctl cluster forget ID' gives up when it will not come back. Of static://FILE there are the hosts in the file, whether or not they
answer; the digits behind its path are the same where its content is. ENCRYPTS: whether it has a key and its kernel WireGuard, so that encrypted networks reach it.`;

/** `netctl cluster ls` */
export function clusterList(command: Command): void {
  addFormat(command, 'table')
    .addHelpText('after', EXAMPLES)
    .action(async ({ format }: { readonly format: Format }, self: Command) => {
      const cluster = await openSession(self).ask(getCluster());
      if (format === 'json') return printJson(cluster);
      print(`cluster ${cluster.id}${cluster.isReachable ? '' : ', its store out of reach'}`);
      const rows = cluster.hosts.map(({ id, name, address, mtu, wireguard, state, endpoints }) => [id, name || '-', address || '-', state === 'lost' ? '-' : String(mtu), wireguard === undefined ? '-' : 'yes', state, String(endpoints ?? '-')]);
      print(...formatTable(['ID', 'HOST', 'ADDRESS', 'MTU', 'ENCRYPTS', 'STATE', 'ENDPOINTS'], rows));
      for (const problem of cluster.problems) print(`problem: ${problem}`);
    });
}
