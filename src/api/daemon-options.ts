import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { COMBINED_DRIVERS, type CombinedDriver } from '../../plugins/docker/open-docker-doors.ts';
import { canonicalAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { ClusterOptions } from '../controller/open-cluster.ts';
import { parseClusterUrl } from '../store/etcd/cluster-url.ts';
import { checkShape } from './check-shape.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';
import { defaultRunFolder } from './socket-path.ts';

/** Before the path of a file of hosts. */
const STATIC = 'static://';

/** How the daemon runs. */
export interface DaemonOptions {
  /** Folder of the state file. */
  readonly stateFolder: string;
  /** Folder of the API's socket. */
  readonly runFolder: string;
  /** Where Docker looks for plugins; undefined: no door for Docker. */
  readonly dockerPlugins: string | undefined;
  /** Name of the one socket for networks and addresses in that folder; unless given, each has its own. */
  readonly pluginSocket?: string;
  /** Which network driver that socket is; unless given, bridge. */
  readonly pluginDriver?: CombinedDriver;
  /** Folders in which Docker plugins are looked for that networks of ours can be driven by; undefined: those of an engine. */
  readonly pluginPath?: readonly string[];
  /** How long such a plugin may take for an answer, ms; undefined: 30 s. */
  readonly pluginPatience?: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly firewall: 'auto' | 'nft' | 'iptables';
  /** The hosts that networks can span; undefined: this one alone. */
  readonly cluster?: ClusterOptions;
}

const settings = z.strictObject({
  'state-dir': z.exactOptional(z.string().min(1)),
  'run-dir': z.exactOptional(z.string().min(1)),
  'docker-plugins': z.exactOptional(z.string().min(1)),
  'plugin-socket': z.exactOptional(z.string().min(1)),
  'plugin-driver': z.exactOptional(z.enum(COMBINED_DRIVERS)),
  'plugin-path': z.exactOptional(z.string().min(1)),
  'plugin-timeout': z.exactOptional(z.string().regex(/^[1-9]\d{0,3}$/, 'must be seconds, 1 to 9999')),
  'log-level': z.exactOptional(z.enum(LOG_LEVELS)),
  'log-format': z.exactOptional(z.enum(LOG_FORMATS)),
  firewall: z.exactOptional(z.enum(['auto', 'nft', 'iptables'])),
  cluster: z.exactOptional(z.string().min(1)),
  advertise: z.exactOptional(z.string().min(1)),
});

/**
 * The daemon's options: flags before configuration file before defaults.
 * @param flags by their names on the command line, without the dashes
 * @param configFile JSON with the same names
 * @throws {NetworkError} INVALID for a wrong value or an unknown name, UNAVAILABLE for a file that cannot be read
 */
export function daemonOptions(flags: Readonly<Record<string, string>>, configFile?: string): DaemonOptions {
  const file = configFile === undefined ? {} : checkShape(settings, readJson(configFile), `configuration file '${configFile}'`);
  const chosen = { ...file, ...checkShape(settings, flags, 'command line') };
  const { 'plugin-socket': socket, 'plugin-driver': driver, 'plugin-path': path, 'plugin-timeout': patience } = chosen;
  const plugins = socket === undefined ? (chosen['docker-plugins'] ?? '/run/docker/plugins') : dirname(socket);
  return {
    stateFolder: chosen['state-dir'] ?? '/var/lib/netctl',
    runFolder: chosen['run-dir'] ?? defaultRunFolder(),
    dockerPlugins: plugins === 'none' ? undefined : plugins,
    ...(socket === undefined ? {} : { pluginSocket: basename(socket) }),
    ...(driver === undefined ? {} : { pluginDriver: driver }),
    ...(path === undefined ? {} : { pluginPath: path === 'none' ? [] : path.split(':').filter((folder) => folder !== '') }),
    ...(patience === undefined ? {} : { pluginPatience: Number(patience) * 1000 }),
    logLevel: chosen['log-level'] ?? 'info',
    logFormat: chosen['log-format'] ?? 'text',
    firewall: chosen.firewall ?? 'auto',
    ...clusterOptions(chosen.cluster, chosen.advertise),
  };
}

function clusterOptions(url: string | undefined, advertise: string | undefined): Pick<DaemonOptions, 'cluster'> {
  if (url === undefined && advertise !== undefined) throw new NetworkError('INVALID', `--advertise ${quote(advertise)} says where other hosts reach this one: it needs --cluster`);
  if (url === undefined) return {};
  const own = advertise === undefined ? {} : { advertise: canonicalAddress(advertise) };
  if (!url.startsWith(STATIC)) return { cluster: { etcd: parseClusterUrl(url), ...own } };
  const file = url.slice(STATIC.length);
  if (file === '' || /[?#]/.test(file)) throw new NetworkError('INVALID', `cluster ${quote(url)} is not of the form static://FILE`);
  return { cluster: { file: resolve(file), ...own } };
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', `configuration file '${path}' cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new NetworkError('INVALID', `configuration file '${path}' is not JSON: ${(error as Error).message.replaceAll('\n', ' ')}`, { cause: error });
  }
}
