import { existsSync } from 'node:fs';
import type { SandboxView } from '../controller/views.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { systemProgram } from './find-program.ts';

/** Where `ip netns` keeps its names. */
const NAMESPACES = '/run/netns/';

/**
 * The words that run a program in a sandbox, without a fork: its process id, exit code and signals
 * are those of the process that is replaced. `ip netns exec` shows it the files of /etc/netns/NAME;
 * a namespace that somebody else made has files of ours only where names are served in it.
 * @throws {NetworkError} NOT_FOUND when the namespace is gone, UNSUPPORTED without iproute2 or util-linux
 */
export function enterCommand({ kind, name, namespace, resolver }: Pick<SandboxView, 'kind' | 'name' | 'namespace' | 'resolver'>, words: readonly string[]): readonly [string, ...string[]] {
  if (!existsSync(namespace)) throw new NetworkError('NOT_FOUND', `namespace '${namespace}' of sandbox ${quote(name)} is gone: 'netctl doctor --fix' puts it right`);
  const hasFiles = kind === 'named' || (resolver !== null && namespace.startsWith(NAMESPACES));
  if (hasFiles) return [required('ip', 'iproute2'), 'netns', 'exec', namespace.slice(NAMESPACES.length), ...words];
  return enterNamespace(namespace, words);
}

/** The same for a namespace that is no sandbox. @throws {NetworkError} UNSUPPORTED without util-linux */
export function enterNamespace(namespace: string, words: readonly string[]): readonly [string, ...string[]] {
  return [required('nsenter', 'util-linux'), `--net=${namespace}`, '--', ...words];
}

/** The same where nothing is to be entered. By way of env, which runs a script without #! as a shell would; execve(2) refuses it. */
export function plainCommand(words: readonly string[]): readonly [string, ...string[]] {
  return [required('env', 'coreutils'), '--', ...words];
}

function required(program: string, from: string): string {
  const path = systemProgram(program);
  if (path === undefined) throw new NetworkError('UNSUPPORTED', `program ${quote(program)} is not installed; it comes with ${from}`);
  return path;
}
