import { setTimeout as wait } from 'node:timers/promises';
import { patient } from './patience.ts';

/** ms between two questions. */
const AGAIN = 20;

/**
 * Asks until the answer is one.
 * @param what what is waited for, as a sentence
 * @param ask gives false or undefined while it is not so; a refusal counts as that
 * @returns the answer
 * @throws Error with the last refusal, when the time is over
 */
export async function until<T>(what: string, ask: () => Promise<T | false | undefined>, limit = 20_000): Promise<T> {
  const end = performance.now() + patient(limit);
  for (;;) {
    let why = '';
    const answer = await ask().catch((error: unknown) => {
      why = `: ${(error as Error).message}`;
      return undefined;
    });
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`not within ${String(patient(limit) / 1000)} s: ${what}${why}`);
    await wait(AGAIN);
  }
}
