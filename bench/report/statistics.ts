/**
 * The value below which a part of all values lies; the nearest one that was really measured.
 * @param part 0.5 is the median, 0.99 the 99th percentile
 * @returns NaN without values
 */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))] ?? Number.NaN;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
