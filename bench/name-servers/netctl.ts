import { fileURLToPath } from 'node:url';
import { createNetwork, createSandbox } from '../../src/api/calls.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import { Daemon } from '../daemon.ts';
import { NAMES, type RunningServer } from './name-server.ts';

const SERVER = fileURLToPath(new URL('../inside/name-server.ts', import.meta.url));
const ADDRESS = '127.0.0.11';

/** Our daemon as a sandbox sees it. All names are aliases of one sandbox, as with the Docker engine. */
export async function startDaemon(host: PrivateHost): Promise<RunningServer> {
  const daemon = await Daemon.start(host);
  await daemon.client.send(createNetwork({ name: 'bench', subnets: ['10.90.0.0/16'] }));
  await daemon.client.send(createSandbox({ name: 'asker', networks: [{ network: 'bench', aliases: NAMES }] }));
  await daemon.client.send(createSandbox({ name: 'neighbour', networks: [{ network: 'bench' }] }));
  const door = { address: ADDRESS, port: 53 };
  return {
    ...door,
    from: host.netns('asker'),
    neighbour: { ...door, from: host.netns('neighbour') },
    pid: daemon.pid,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Our server without the rest of the daemon, at the ports that it has before anything leads to it. */
export async function startDirect(host: PrivateHost): Promise<RunningServer> {
  await host.sh('for name in asker neighbour; do ip netns add $name; ip -n $name link set lo up; done');
  const running = await host.spawn([process.execPath, '--disable-warning=ExperimentalWarning', SERVER, 'serve', 'asker', 'neighbour']);
  const [, first, second] = await running.waitFor(/ports (\d+) (\d+)/);
  return {
    from: host.netns('asker'),
    address: ADDRESS,
    port: Number(first),
    neighbour: { from: host.netns('neighbour'), address: ADDRESS, port: Number(second) },
    pid: running.pid,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
