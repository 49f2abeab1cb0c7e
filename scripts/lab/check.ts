import { quantile } from '../../bench/report/statistics.ts';

/** @throws Error the sentence, unless it holds */
export function check(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(sentence);
}

/** ms that something takes, and what it gives. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly time: number; readonly value: T }> {
  const begun = performance.now();
  const value = await work();
  return { time: performance.now() - begun, value };
}

/** `4 ms`, `1.2 s` */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The middle one, the 99th percentile and the largest, in words. */
export function spread(values: readonly number[]): string {
  return `p50 ${duration(quantile(values, 0.5))}, p99 ${duration(quantile(values, 0.99))}, max ${duration(Math.max(...values))}`;
}
