/** A word as a POSIX shell reads it back unchanged: bare where that is safe, else in single quotes. */
export function shellQuote(word: string): string {
  if (/^[\w/:=.,@%+-]+$/u.test(word)) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A here-document whose end mark does not occur in the text. */
export function hereDocument(text: string): string {
  const lines = new Set(text.split('\n'));
  let mark = 'EOF';
  while (lines.has(mark)) mark += '_';
  return `<<'${mark}'\n${text}${text.endsWith('\n') ? '' : '\n'}${mark}`;
}
