const LENGTH = 16;

/**
 * Spaces and tabs to stand behind a JSON text, where they mean nothing (RFC 8259 §2): they tell the same value
 * written by two hosts apart, for the one that never got its answer and has to know whether it won.
 *
 * @param random gives numbers from 0 up to 1
 */
export function writeTag(random: () => number): string {
  return Array.from({ length: LENGTH }, () => (random() < 0.5 ? ' ' : '\t')).join('');
}
