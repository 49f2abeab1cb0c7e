/** Longest piece of a foreign text that a message repeats, in characters. */
const LONGEST = 64;

/** Controls, quotes and backslashes, line separators, direction marks, unpaired surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}'\\]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', "'": "\\'", '\\': '\\\\' };

/**
 * Any text from outside as it may stand in a message: in single quotes, on one line, cut after
 * 64 characters. What could break the line or deceive a terminal is written as an escape.
 *
 * @example
 * ```ts
 * quote('a\nb'); // 'a\nb' with the backslash written out
 * ```
 */
export function quote(text: string): string {
  const characters = Array.from(text.slice(0, 2 * LONGEST + 2));
  const cut = characters.length > LONGEST;
  const shown = (cut ? characters.slice(0, LONGEST) : characters).join('');
  return `'${shown.replace(UNSAFE, escaped)}${cut ? '…' : ''}'`;
}

/** The same for a text that stands alone, as in a table: neither quoted nor cut. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped);
}

function escaped(character: string): string {
  return SHORT[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
