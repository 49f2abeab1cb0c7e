import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { NetworkError } from '../../common/error.ts';
import { defined } from '../option-values.ts';
import { givenRunFolder } from '../session.ts';

interface Options {
  readonly stateDir?: string;
  readonly dockerPlugins?: string;
  readonly pluginSocket?: string;
  readonly pluginDriver?: string;
  readonly pluginPath?: string;
  readonly pluginTimeout?: string;
  readonly config?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly firewall?: string;
  readonly cluster?: string;
  readonly advertise?: string;
  readonly readyFd?: string;
}

const EXAMPLES = `
The configuration file is JSON with the names of the options; options go before it:
  {"state-dir": "/var/lib/netctl", "docker-plugins": "none", "log-level": "debug"}

Examples:
  netctl daemon
  netctl daemon --cluster etcd://10.0.0.1,10.0.0.2,10.0.0.3
  netctl daemon --cluster 'etcds://10.0.0.1?ca=/etc/etcd/ca.pem&certificate=/etc/etcd/host.pem&key=/etc/etcd/host-key.pem'
  netctl daemon --cluster static:///etc/netctl/peers.yaml
  netctl daemon --state-dir /tmp/lab/state --run-dir /tmp/lab/run --docker-plugins none`;

/** `netctl daemon` */
export function daemon(command: Command): void {
  command
    .option('--state-dir <folder>', 'folder of the state file (default: /var/lib/netctl)')
    .option('--docker-plugins <folder>', "where Docker looks for plugins, or 'none' (default: /run/docker/plugins)")
    .option('--plugin-socket <path>', 'instead of that, one socket for networks and addresses, as a managed plugin has it')
    .option('--plugin-driver <name>', 'the network driver that this socket is, bridge or overlay (default: bridge)')
    .option('--plugin-path <folders>', "where Docker plugins are looked for that can be a -d or --ipam of netctl, separated by ':', or 'none' (default: as an engine does)")
    .option('--plugin-timeout <seconds>', 'how long such a plugin may take for an answer (default: 30)')
    .option('--config <file>', 'configuration file')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--log-format <format>', 'text or json (default: text)')
    .option('--firewall <kind>', 'auto, nft or iptables (default: auto)')
    .option('--cluster <url>', 'hosts that networks can span: etcd://HOST[:PORT],…[/PREFIX][?OPTION=VALUE&…] or etcds:// (TLS) with options ca, certificate, key (files), cluster (id) and timeout (ms); or static://FILE (YAML), where there is no etcd')
    .option('--advertise <address>', 'where the other hosts reach this one (default: the address of the link with the default route; with static://, the one of its own in the file)')
    .addOption(new Option('--ready-fd <number>', 'descriptor that is told when it serves').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async (_options: unknown, self: Command) => {
      const [{ runDaemon, tellStarter }, { daemonOptions }] = await Promise.all([import('../../api/daemon.ts'), import('../../api/daemon-options.ts')]);
      const options = self.opts<Options>();
      const starter = options.readyFd === undefined ? undefined : Number(options.readyFd);
      const tell = (line: string): void => {
        if (starter !== undefined) tellStarter(starter, line);
      };
      try {
        requireRoot();
        await runDaemon(daemonOptions(flagsOf(self, options), options.config), () => tell('ready'), starter !== undefined);
      } catch (thrown) {
        const error = NetworkError.from(thrown);
        tell(`failed ${error.code} ${error.message}`);
        throw error;
      }
    });
}

function flagsOf(command: Command, options: Options): Readonly<Record<string, string>> {
  const runFolder = givenRunFolder(command);
  const flags: Record<string, string | undefined> = {
    'run-dir': runFolder === undefined ? undefined : resolve(runFolder),
    'state-dir': options.stateDir,
    'docker-plugins': options.dockerPlugins,
    'plugin-socket': options.pluginSocket,
    'plugin-driver': options.pluginDriver,
    'plugin-path': options.pluginPath,
    'plugin-timeout': options.pluginTimeout,
    'log-level': options.logLevel,
    'log-format': options.logFormat,
    firewall: options.firewall,
    cluster: options.cluster,
    advertise: options.advertise,
  };
  return defined(flags);
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new NetworkError('FORBIDDEN', 'the daemon makes network namespaces, which only root can: run as root, e.g. with sudo');
}
