/** One rule as `iptables-save` prints it. */
export interface SavedRule {
  /** Everything behind `-A CHAIN `, verbatim. */
  readonly text: string;
  /** The same as words, quotes resolved. */
  readonly words: readonly string[];
  /** Text of the comment match; undefined without one. */
  readonly comment: string | undefined;
  /** Target of `-j` or `-g`; undefined for a rule that only counts. */
  readonly target: string | undefined;
}

/** One table: rules by chain, in order. A chain without rules is there with an empty list. */
export type SavedTable = ReadonlyMap<string, readonly SavedRule[]>;

/**
 * Reads one table out of the text of `iptables-save` (or `ebtables-save`); other tables in it are
 * passed over.
 */
export function parseSave(text: string, table: string): SavedTable {
  const chains = new Map<string, SavedRule[]>();
  let inside = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) inside = line.slice(1).trim() === table;
    if (!inside) continue;
    const chain = /^:(\S+)/.exec(line)?.[1];
    if (chain !== undefined) chains.set(chain, chains.get(chain) ?? []);
    // Counters stand before the rule where somebody asked for them (`-c`).
    const rule = /^(?:\[\d+:\d+\] )?-A (\S+) (.*)$/.exec(line);
    if (rule === null) continue;
    const [, of = '', spec = ''] = rule;
    const members = chains.get(of);
    if (members === undefined) chains.set(of, [savedRule(spec.trimEnd())]);
    else members.push(savedRule(spec.trimEnd()));
  }
  return chains;
}

/** The policies of the built-in chains of one table: `ACCEPT`, `DROP`. */
export function savedPolicies(text: string, table: string): Map<string, string> {
  const section = text.split(/^(?=\*)/m).find((part) => part.startsWith(`*${table}\n`)) ?? '';
  return new Map([...section.matchAll(/^:(\S+) ([A-Z]+)/gm)].map(([, chain = '', policy = '']) => [chain, policy]));
}

function savedRule(text: string): SavedRule {
  const words = splitWords(text);
  return { text, words, comment: after(words, '--comment'), target: after(words, '-j') ?? after(words, '-g') };
}

function after(words: readonly string[], option: string): string | undefined {
  const index = words.indexOf(option);
  return index < 0 ? undefined : words[index + 1];
}

/** xtables_save_string in libxtables quotes with `"` and escapes `"`, `'` and `\` by a backslash. */
function splitWords(text: string): string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  return words.map((word) => word.replace(/"((?:\\.|[^"\\])*)"/g, (_quoted, inner: string) => inner.replace(/\\(.)/g, '$1')));
}
