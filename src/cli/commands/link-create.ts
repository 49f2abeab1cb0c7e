import type { Command } from 'commander';
import { createLink } from '../../api/calls.ts';
import type { LinkBody } from '../../api/wire.ts';
import { NetworkError } from '../../common/error.ts';
import { linkPlace, parseLinkEnd, sortByEnd } from '../link-end.ts';
import { collect, defined, integer } from '../option-values.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly name?: string;
  readonly ip?: readonly string[];
  readonly mac?: readonly string[];
  readonly mtu?: number;
}

const EXAMPLES = `
An end is a sandbox, pid:PID for the namespace of a process, or container:NAME for that of a container; behind it :INTERFACE,
unless the next free eth0, eth1 … will do. An address without /LENGTH has no network around it, only a route to the other end.

Examples:
  netctl link r1 r2
  netctl link r1:core0 r2:edge3 --ip r1=10.1.1.0/31 --ip r2=10.1.1.1/31 --ip r1=fd00:1::/127 --ip r2=fd00:1::1/127
  netctl link r1 r2 --ip r1=192.0.2.1 --ip r2=192.0.2.2 --mtu 9000 --name backup
  netctl link r1 container:web --ip r1=10.1.2.1/30 --ip container:web=10.1.2.2/30`;

/** `netctl link` */
export function linkCreate(command: Command): void {
  command
    .argument('<sandbox>', 'one end')
    .argument('<sandbox>', 'the other end')
    .option('--ip <end=address[/length]>', 'address at an end, IPv4 or IPv6; may be given several times', collect)
    .option('--mac <end=address>', 'MAC address at an end (default: random, and kept)', collect)
    .option('--mtu <bytes>', 'MTU of both ends (default: 1500)', integer('--mtu'))
    .option('--name <name>', 'name of the link (default: those of both ends)')
    .addHelpText('after', EXAMPLES)
    .action(async (near: string, far: string, options: Options, self: Command) => {
      const session = openSession(self, { changes: true });
      await session.change(createLink(await linkBody([near, far], options)), ({ id }) => print(id));
    });
}

async function linkBody([near, far]: readonly [string, string], { name, ip = [], mac = [], mtu }: Options): Promise<LinkBody> {
  const ends = [parseLinkEnd(near), parseLinkEnd(far)] as const;
  if (ends[0].called === ends[1].called) throw new NetworkError('INVALID', `both ends of the link are '${ends[0].called}': a link joins two sandboxes`);
  const addresses = sortByEnd('--ip', ip, ends);
  const macs = sortByEnd('--mac', mac, ends);
  const end = async (index: 0 | 1): Promise<LinkBody['ends'][0]> =>
    defined({ ...(await linkPlace(ends[index])), interface: ends[index].interface, mac: macs[index].at(-1), addresses: addresses[index].length === 0 ? undefined : addresses[index] });
  return defined({ name, ends: [await end(0), await end(1)] as const, mtu });
}
