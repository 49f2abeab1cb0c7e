/** The options by which sandboxes are made, shared by `sandbox create`, `sandbox adopt` and `run`. */
import type { Command } from 'commander';
import type { SandboxBody } from '../api/wire.ts';
import { NetworkError } from '../common/error.ts';
import type { ConnectRequest } from '../controller/requests.ts';
import { addConnectOptions, connectOptions, type ConnectOptions } from './connect-options.ts';
import { parseNetworkFlag } from './network-flag.ts';
import { collect, collectPairs, defined } from './option-values.ts';

/** As commander gives them. */
export interface SandboxOptions extends ConnectOptions {
  readonly network?: readonly string[];
  readonly publish?: readonly string[];
  readonly hostname?: string;
  readonly addHost?: readonly string[];
  readonly expose?: readonly string[];
  readonly label?: Readonly<Record<string, string>>;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOption?: readonly string[];
  readonly link?: readonly string[];
  readonly sysctl?: Readonly<Record<string, string>>;
}

/** Adds the options to a command. */
export function addSandboxOptions(command: Command): Command {
  command
    .option('--network <net[,key=value]>', 'network to connect to, with ip=, ip6=, mac=, alias=, gw-priority=, driver-opt=; may be given several times; none: lo alone', collect)
    .option('-p, --publish <spec>', 'publish a port: [HOST-ADDRESS:][HOST-PORT[-END]:]PORT[-END][/tcp|udp|sctp]; may be given several times', collect)
    .option('--hostname <name>', 'host name, by which neighbours find it too (default: the name)')
    .option('--add-host <name:address>', 'line of its hosts file, and name that it alone knows; may be given several times', collect)
    .option('--expose <port>', 'port that it serves, not published by that: in SRV records and variables of links', collect)
    .option('--label <name=value>', 'label', collectPairs('--label'))
    .option('--dns <address>', 'name server for names outside, asked from the sandbox (default: those of the host)', collect)
    .option('--dns-search <domain>', "search domain, '.' for none (default: those of the host)", collect)
    .option('--dns-option <option>', 'resolver option, as ndots:2 (default: those of the host)', collect)
    .option('--link <sandbox[:alias]>', 'other name that it alone knows a neighbour by; exec and run set ALIAS_PORT… for it', collect)
    .option('--sysctl <name=value>', "sysctl of its network namespace: net.…=VALUE", collectPairs('--sysctl'));
  return addConnectOptions(command, 'of the one --network');
}

/**
 * What the options ask for.
 * @throws {NetworkError} INVALID
 */
export function sandboxBody(name: string, options: SandboxOptions): SandboxBody {
  const networks = withoutNone((options.network ?? []).map(parseNetworkFlag));
  const dns = defined({ servers: options.dns, search: options.dnsSearch, options: options.dnsOption });
  return defined({
    name,
    networks: networks.length === 0 ? refuseStray(options) : withOptions(networks, options),
    ports: options.publish,
    hostname: options.hostname,
    extraHosts: options.addHost,
    exposed: options.expose,
    labels: options.label,
    dns: Object.keys(dns).length === 0 ? undefined : dns,
    links: options.link,
    sysctls: options.sysctl,
  });
}

/** `none` is what a sandbox without networks has: no network that could be connected to. */
function withoutNone(networks: readonly ConnectRequest[]): readonly ConnectRequest[] {
  const none = networks.find(({ network }) => network === 'none');
  if (none === undefined) return networks;
  if (networks.length > 1 || Object.keys(none).length > 1) throw new NetworkError('INVALID', "--network 'none' stands alone: a sandbox has no network, or those that are named");
  return [];
}

/** `--ip` and the like say nothing about which network they mean. */
function withOptions(networks: readonly ConnectRequest[], options: SandboxOptions): readonly ConnectRequest[] {
  const common = connectOptions(options);
  const [network, ...others] = networks;
  if (Object.keys(common).length === 0 || network === undefined) return networks;
  if (others.length > 0) throw new NetworkError('INVALID', '--ip, --ip6, --mac, --alias, --gw-priority and --driver-opt need a single --network; with several write --network NET,ip=ADDRESS');
  return [{ ...network, ...common, ...mergeLists(network, common) }];
}

function mergeLists(network: ConnectRequest, common: Partial<ConnectRequest>): Partial<ConnectRequest> {
  return {
    ...(network.aliases === undefined && common.aliases === undefined ? {} : { aliases: [...(network.aliases ?? []), ...(common.aliases ?? [])] }),
    ...(network.options === undefined && common.options === undefined ? {} : { options: { ...network.options, ...common.options } }),
  };
}

function refuseStray(options: SandboxOptions): undefined {
  if (Object.keys(connectOptions(options)).length > 0) throw new NetworkError('INVALID', '--ip, --ip6, --mac, --alias, --gw-priority and --driver-opt say something about a --network, and there is none');
}
