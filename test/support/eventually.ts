import { setTimeout as wait } from 'node:timers/promises';
import { PATIENCE } from './patience.ts';

/**
 * Waits until a question is answered as expected.
 * @returns the last answer: the expected one, or what it was when the time was over
 */
export async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, limitMs: number = PATIENCE): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (isGood(answer) || performance.now() > end) return answer;
    await wait(50);
  }
}
