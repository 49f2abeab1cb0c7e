import { NetworkError } from '../common/error.ts';
import { complain } from './output.ts';

/**
 * Does something for each of several names, as Docker does: what fails is said on standard error
 * and makes the exit code 1 (2 where every name was malformed), the others are done.
 * @throws {NetworkError} when nothing can be done for any of them: no daemon, no rights
 */
export async function forEachName(names: readonly string[], task: (name: string) => Promise<void>): Promise<void> {
  const failures: NetworkError[] = [];
  for (const name of names) {
    try {
      await task(name);
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (names.length === 1 || error.code === 'UNAVAILABLE' || error.code === 'FORBIDDEN') throw error;
      complain(error.message);
      failures.push(error);
    }
  }
  if (failures.length > 0) process.exitCode = failures.every(({ code }) => code === 'INVALID') ? 2 : 1;
}
