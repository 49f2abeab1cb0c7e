/** What stands in a cell: a figure, words, or nothing. */
export type Cell = number | string | undefined;

/** One column: its head, and how many digits follow the point in its figures. */
export interface Column {
  readonly key: string;
  readonly head: string;
  readonly digits?: number;
}

/** What a scenario found. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** Sentences below the table. */
  readonly notes: readonly string[];
}

/** A table as lines of text, in the form that Markdown takes as well. Columns without any content are left out. */
export function formatTable({ title, columns: all, rows, notes }: Table): string {
  const columns = all.filter(({ key }) => rows.some((row) => row[key] !== undefined));
  const cells = rows.map((row) => columns.map((column) => text(row[column.key], column.digits)));
  const heads = columns.map(({ head }) => head);
  const widths = heads.map((head, index) => Math.max(head.length, ...cells.map((row) => row[index]?.length ?? 0)));
  const right = columns.map(({ key }) => rows.some((row) => typeof row[key] === 'number'));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => (right[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (right[i] === true ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [`## ${title}`, '', line(heads), rule, ...cells.map(line), ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]), ''].join('\n');
}

function text(cell: Cell, digits = 0): string {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  return Number.isNaN(cell) ? '-' : cell.toFixed(digits);
}
