/** The options by which a sandbox is connected to a network. */
import { Option, type Command } from 'commander';
import type { ConnectRequest } from '../controller/requests.ts';
import { collect, collectPairs, defined, integer } from './option-values.ts';

/** As commander gives them. */
export interface ConnectOptions {
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  readonly macAddress?: string;
  readonly alias?: readonly string[];
  readonly gwPriority?: number;
  readonly driverOpt?: Readonly<Record<string, string>>;
}

/** Adds the options to a command. @param where ends each description: `of the one --network` */
export function addConnectOptions(command: Command, where = ''): Command {
  const text = (words: string): string => `${words} ${where}`.trim();
  return command
    .option('--ip <address>', text('IPv4 address'))
    .option('--ip6 <address>', text('IPv6 address'))
    .option('--mac <address>', text('MAC address'))
    .addOption(new Option('--mac-address <address>', 'the same, as Docker calls it').hideHelp())
    .option('--alias <name>', text('other name for it on the network'), collect)
    .option('--gw-priority <number>', text('priority, the highest leads out'), integer('--gw-priority'))
    .option('--driver-opt <name=value>', text("option for the network's driver"), collectPairs('--driver-opt'));
}

/** What the options ask for. */
export function connectOptions(options: ConnectOptions): Omit<ConnectRequest, 'network'> {
  return defined({
    ipv4: options.ip,
    ipv6: options.ip6,
    mac: options.mac ?? options.macAddress,
    aliases: options.alias,
    gatewayPriority: options.gwPriority,
    options: options.driverOpt,
  });
}
