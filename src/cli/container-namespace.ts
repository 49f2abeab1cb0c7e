import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { Engine } from './engine.ts';

/**
 * Path of the network namespace of a container, by its name or id.
 * @throws {NetworkError} NOT_FOUND when the engine does not know it or there is no engine, UNAVAILABLE when it does not run
 */
export async function containerNamespace(name: string): Promise<string> {
  const container = await Engine.fromEnvironment().container(name);
  if (container === undefined) throw new NetworkError('NOT_FOUND', `no such container ${quote(name)}: 'docker ps' lists what there is, if an engine runs`);
  if (container.pid === 0) throw new NetworkError('UNAVAILABLE', `container ${quote(name)} does not run: it has no network namespace until 'docker start ${container.name}'`);
  return `/proc/${container.pid}/ns/net`;
}
