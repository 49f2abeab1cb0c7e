/** A word as a POSIX shell has to read it to get that word. */
export function quoteForShell(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
