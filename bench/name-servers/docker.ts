import { Engine } from '../../test/support/engine.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import { NAMES, type RunningServer } from './name-server.ts';

/** The engine's own server as a container sees it. All names are aliases of one container: starting hundreds would take minutes. */
export async function startEngine(host: PrivateHost): Promise<RunningServer> {
  const engine = await Engine.start(host);
  await engine.docker(['network', 'create', 'bench']);
  const aliases = NAMES.map((name) => `--network-alias=${name}`);
  await engine.docker(['run', '--detach', '--name', 'asker', '--network', 'bench', ...aliases, 'bb', 'sleep', 'infinity']);
  await engine.docker(['run', '--detach', '--name', 'neighbour', '--network', 'bench', 'bb', 'sleep', 'infinity']);
  const door = { address: '127.0.0.11', port: 53 };
  return {
    ...door,
    from: await engine.container('asker'),
    neighbour: { ...door, from: await engine.container('neighbour') },
    pid: engine.pid ?? 0,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
