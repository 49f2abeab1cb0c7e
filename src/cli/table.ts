import { oneLine } from '../common/quote.ts';

/**
 * Columns under headings, three spaces apart, as Docker prints them.
 * @param rows one text for each heading
 */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [headings, ...rows.map((row) => row.map(oneLine))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ').trimEnd());
}

/** Names and values under each other, for one thing at a time; a list takes a line for each of its items. */
export function formatSheet(entries: readonly (readonly [string, string | readonly string[]])[]): string[] {
  const width = Math.max(...entries.map(([name]) => name.length)) + 1;
  return entries.flatMap(([name, value]) => {
    const lines = typeof value === 'string' ? [value] : value;
    return (lines.length === 0 ? ['-'] : lines).map((line, index) => `${(index === 0 ? `${name}:` : '').padEnd(width)} ${oneLine(line)}`.trimEnd());
  });
}

/** The first twelve digits of an id, by which people know it. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
