import { NetworkError } from '../common/error.ts';

/**
 * Replaces this process by a program: same process id, terminal and descriptors, its own exit code and signals.
 * @param words path of the program, and its arguments
 * @param environment added to ours
 * @throws {NetworkError} UNSUPPORTED where node cannot do it
 */
export function become([file, ...rest]: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): never {
  if (process.execve === undefined) throw new NetworkError('UNSUPPORTED', `node ${process.version} has no execve: netctl needs node 24`);
  // Node ignores these two, and what is ignored stays so across execve; what is caught does not.
  process.on('SIGPIPE', () => {}).on('SIGXFSZ', () => {});
  return process.execve(file, [file, ...rest], { ...process.env, ...environment }) as never;
}
