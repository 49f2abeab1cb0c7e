import { Option, type Command } from 'commander';
import { createNetwork } from '../../api/calls.ts';
import type { NetworkBody } from '../../api/wire.ts';
import { collect, collectPairs, defined } from '../option-values.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly driver?: string;
  readonly subnet?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly gateway?: readonly string[];
  readonly auxAddress?: Readonly<Record<string, string>>;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly label?: Readonly<Record<string, string>>;
  readonly opt?: Readonly<Record<string, string>>;
  readonly ipam?: string;
  readonly ipamOpt?: Readonly<Record<string, string>>;
  readonly ipamDriver?: string;
}

const EXAMPLES = `
Examples:
  netctl network create blue
  netctl network create --subnet 10.9.0.0/24 --ip-range 10.9.0.128/25 --gateway 10.9.0.1 blue
  netctl network create --ipv6 --subnet fd00:9::/64 -o com.docker.network.bridge.name=br-green green
  netctl network create --internal --explain red
  netctl network create -d macvlan --ipam dhcp -o parent=eth0 lan
  netctl network create -d overlay --subnet 10.1.0.0/24 blue   # on all hosts of the cluster (netctl daemon --cluster)
  netctl network create -d weave --ipam weave --trace web      # a Docker plugin, and what is said with it`;

/** `netctl network create` */
export function networkCreate(command: Command): void {
  command
    .argument('<name>', 'name of the new network')
    .option('-d, --driver <driver>', 'kind of network: bridge, macvlan, ipvlan, overlay, or the name of a Docker plugin (default: bridge)')
    .option('--subnet <cidr>', 'subnet, IPv4 or IPv6; may be given several times (default: a free one)', collect)
    .option('--ip-range <cidr>', 'part of a subnet from which addresses are given', collect)
    .option('--gateway <address>', 'gateway of a subnet (default: its first address)', collect)
    .option('--aux-address <name=address>', 'address of a subnet that is not given to anybody', collectPairs('--aux-address'))
    .option('--ipv6', 'with IPv6; without an IPv6 subnet, a free one is taken')
    .option('--no-ipv4', 'without IPv4')
    .option('--internal', 'no way out of the network, and none in')
    .option('--label <name=value>', 'label', collectPairs('--label'))
    .option('-o, --opt <name=value>', 'option for the driver', collectPairs('--opt'))
    .option('--ipam <driver>', 'who gives addresses: default, dhcp for the LAN’s own server, the name of a Docker plugin, or null for nobody')
    .option('--ipam-opt <name=value>', 'option for it; dhcp: timeout=SECONDS (default: 20)', collectPairs('--ipam-opt'))
    .addOption(new Option('--ipam-driver <driver>', 'the same, as Docker calls it').hideHelp())
    .addOption(new Option('--no-ipv6').hideHelp())
    .addOption(new Option('--no-internal').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, _options: unknown, self: Command) => {
      await openSession(self, { changes: true }).change(createNetwork(networkBody(name, self)), ({ id }) => print(id));
    });
}

function networkBody(name: string, command: Command): NetworkBody {
  const options = command.opts<Options>();
  const ipam = options.ipam ?? options.ipamDriver ?? 'default';
  // A pair of --x and --no-x counts as given only where somebody gave it.
  const said = (key: 'ipv4' | 'ipv6' | 'internal'): boolean | undefined => (command.getOptionValueSource(key) === 'cli' ? options[key] : undefined);
  return defined({
    name,
    driver: options.driver,
    subnets: options.subnet,
    ranges: options.ipRange,
    gateways: options.gateway,
    auxiliary: options.auxAddress,
    ipam: ipam === 'default' ? undefined : ipam,
    ipamOptions: options.ipamOpt,
    ipv4: said('ipv4'),
    ipv6: said('ipv6'),
    internal: said('internal'),
    labels: options.label,
    options: options.opt,
  });
}
