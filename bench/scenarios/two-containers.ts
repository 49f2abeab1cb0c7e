import { Engine } from '../../test/support/engine.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import type { Place } from '../../test/support/place.ts';

/** Two containers on a network of Docker's built-in bridge driver; port 80 of one is published. */
export interface TwoContainers extends AsyncDisposable {
  readonly client: Place;
  readonly server: Place;
  /** Plain IPv4 address. */
  readonly serverAddress: string;
  readonly hostPort: number;
}

const [SUBNET, SERVER, HOST_PORT] = ['10.90.0.0/24', '10.90.0.3', 8080];

/** As the engine makes them. @throws Error with the engine's words, or with the program that is missing */
export async function twoContainers(host: PrivateHost): Promise<TwoContainers> {
  await using stack = new AsyncDisposableStack();
  const engine = stack.use(await Engine.start(host));
  await engine.docker(['network', 'create', '-d', 'bridge', '--subnet', SUBNET, 'bench']);
  const start = async (name: string, ...more: readonly string[]): Promise<Place> => {
    await engine.docker(['run', '-d', '--name', name, '--network', 'bench', ...more, 'bb', 'sleep', '100000']);
    return engine.container(name);
  };
  const server = await start('server', '--ip', SERVER, '-p', `${String(HOST_PORT)}:80`);
  const client = await start('client');
  const owned = stack.move();
  return { client, server, serverAddress: SERVER, hostPort: HOST_PORT, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
