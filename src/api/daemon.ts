import { closeSync, writeSync } from 'node:fs';
import type { Server } from 'node:http';
import { NetworkError } from '../common/error.ts';
import type { Controller } from '../controller/controller.ts';
import type { ControllerEvent } from '../controller/events.ts';
import { openHost } from '../controller/open-host.ts';
import { explain } from '../kernel/explain.ts';
import { apiServer } from './api-server.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { openDockerDoors } from '../../plugins/docker/open-docker-doors.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { listenOnSocket } from './listen-on-socket.ts';
import { openLog, type Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { notifyServiceManager } from './notify-service-manager.ts';
import { packageVersion } from './package-version.ts';
import { routes } from './routes.ts';
import { socketPath } from './socket-path.ts';

/** ms between looks for a lease whose process ended while nobody held it: just after a restart. */
const SWEEP_INTERVAL = 30_000;

/**
 * Runs the daemon until SIGTERM or SIGINT: opens state, kernel and controller, serves the API and
 * Docker. At its end the sockets are gone; networks and sandboxes stay.
 * @param ready called when everything is served
 * @param byCommand a command starts it because none runs, and knows nothing of how it is to be started
 * @throws {NetworkError} whatever keeps it from starting
 */
export async function runDaemon(options: DaemonOptions, ready: () => void = () => {}, byCommand = false): Promise<void> {
  const log = openLog(options.logLevel, options.logFormat, (line) => writeLine(line));
  const stopped = stopSignal(log);
  await using stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const onEvent = (event: ControllerEvent): void => {
    metrics.event(event.type, event.action);
    logEvent(log, event);
  };
  const { stateFolder, firewall, pluginPath, pluginPatience, cluster } = options;
  // The sockets at which this daemon is a plugin itself.
  const own = new Set<string>();
  const plugins = { own, ...(pluginPath === undefined ? {} : { folders: pluginPath }), ...(pluginPatience === undefined ? {} : { patience: pluginPatience }) };
  const { controller } = stack.use(await openHost({ stateFolder, firewall, plugins, onEvent, mayLeaveCluster: !byCommand, ...(cluster === undefined ? {} : { cluster }) }));
  const report = (message: string): void => log('error', message);
  const leases = new LeaseKeeper(controller, report);
  const server = apiServer({
    controller,
    metrics,
    report,
    routes: routes({ leases, metrics, diagnose: () => controller.diagnose() }),
    explain: async (task) => explain((await controller.rehearse(task)).ops),
  });
  stack.defer(async () => {
    leases.stop();
    await close(server);
  });
  stack.use(await listenOnSocket(server, socketPath(options.runFolder)));
  for (const socket of await openDoors(stack, controller, options, log)) own.add(socket);
  const sweep = setInterval(() => void leases.sweep().catch((error: unknown) => report(NetworkError.from(error).message)), SWEEP_INTERVAL);
  stack.defer(() => clearInterval(sweep));
  notifyServiceManager('READY=1');
  log('info', `netctl ${packageVersion()} serves ${socketPath(options.runFolder)}, state in ${options.stateFolder}, instance ${controller.instance}`);
  ready();
  log('info', `${await stopped}: stopping; networks and sandboxes stay`);
  notifyServiceManager('STOPPING=1');
}

async function openDoors(stack: AsyncDisposableStack, controller: Controller, { dockerPlugins, pluginSocket, pluginDriver }: DaemonOptions, log: Log): Promise<readonly string[]> {
  if (dockerPlugins === undefined) return [];
  const { sockets } = stack.use(
    await openDockerDoors(controller, dockerPlugins, {
      ...(pluginSocket === undefined ? {} : { combined: pluginSocket }),
      ...(pluginDriver === undefined ? {} : { combinedDriver: pluginDriver }),
      report: (error) => log('error', `Docker: ${error.message}`),
      log: (message) => log('info', `Docker: ${message}`),
    }),
  );
  log('info', `Docker finds its drivers in ${dockerPlugins}`);
  return sockets;
}

/** The first SIGTERM or SIGINT; the second ends the process at once. */
function stopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals): void => {
      if (asked) {
        log('warn', `${signal} again: ending at once`);
        process.exit(1);
      }
      asked = true;
      resolve(signal);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // Event streams and leases never end by themselves.
  server.closeAllConnections();
  await closed;
}

function logEvent(log: Log, { type, action, name, id, attributes }: ControllerEvent): void {
  if (type === 'daemon' && action === 'warning') return log('warn', name);
  const more = Object.entries(attributes).map(([key, value]) => ` ${key}=${value}`);
  log(action === 'repair' ? 'warn' : 'info', `${type} ${action} ${name}${id === '' ? '' : ` (${id.slice(0, 12)})`}${more.join('')}`);
}

/** Standard error may be a pipe whose reader has gone: that must not end the daemon. */
function writeLine(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // nobody reads
  }
}

/** Tells who started the daemon how it went: one line on a descriptor that it handed over, then its end. */
export function tellStarter(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
    closeSync(descriptor);
  } catch {
    // it has not waited
  }
}
