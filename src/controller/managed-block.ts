/** The part of a file that is ours, between two marks; what stands outside is somebody else's. Pure. */

/** A file taken apart. */
export interface ParsedFile {
  readonly before: string;
  /** Lines between the marks, without them; undefined when there are no marks of this owner. */
  readonly block: readonly string[] | undefined;
  readonly after: string;
}

/**
 * The file's text taken apart at the marks of an owner.
 * @param owner what tells its marks from those of others, one line
 */
export function parseBlock(text: string, owner: string): ParsedFile {
  const lines = text.split('\n');
  const begin = lines.indexOf(beginMark(owner));
  const end = begin < 0 ? -1 : lines.indexOf(endMark(owner), begin);
  if (end < 0) return { before: text, block: undefined, after: '' };
  // The last piece is what stands behind the last newline.
  const after = lines.slice(end + 1).join('\n');
  return { before: inLines(lines.slice(0, begin)), block: lines.slice(begin + 1, end), after };
}

/** The text with a block in it: where it was, else in front. */
export function withBlock({ before, block, after }: ParsedFile, owner: string, lines: readonly string[]): string {
  const own = inLines([beginMark(owner), ...lines, endMark(owner)]);
  return block === undefined ? `${own}${before}` : `${before}${own}${after}`;
}

/** Lines as a text. */
export function inLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function beginMark(owner: string): string {
  return `# netctl: ${owner}; what stands up to the end mark is rewritten, lines of your own go outside`;
}

function endMark(owner: string): string {
  return `# netctl: end of ${owner}`;
}
