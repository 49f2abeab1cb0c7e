import { spawned } from './spawned.ts';

/** Names of the two programs, without `-save` and `-restore`. */
export type Iptables = 'iptables' | 'ip6tables';

/** One rule or chain, with its table. */
export interface RuleLine {
  readonly table: string;
  readonly text: string;
}

/** Every rule and chain of ours or others, as `iptables-save` lists them. */
export async function savedRules(program: Iptables): Promise<RuleLine[]> {
  const lines: RuleLine[] = [];
  let table = '';
  for (const text of (await spawned(`${program}-save`, [])).split('\n')) {
    if (text.startsWith('*')) table = text.slice(1);
    else if (/^(:|-A)/.test(text)) lines.push({ table, text: text.replace(/ \[\d+:\d+\]$/, '') });
  }
  return lines;
}

/** The lines that are there now and were not before. */
export function newRules(before: readonly RuleLine[], now: readonly RuleLine[]): RuleLine[] {
  const known = new Set(before.map(({ table, text }) => `${table} ${text}`));
  return now.filter(({ table, text }) => !known.has(`${table} ${text}`));
}

/** Whole words that stand in the rules of one endpoint, and what stands there for another. */
export type Replacements = Readonly<Record<string, string>>;

/**
 * The rules of one endpoint again for others, in one `iptables-restore`. Chains that belong to the
 * endpoint alone get names of their own.
 */
export async function copyRules(program: Iptables, pattern: readonly RuleLine[], copies: readonly Replacements[]): Promise<void> {
  if (pattern.length === 0 || copies.length === 0) return;
  const chains = pattern.flatMap(({ text }) => /^:(\S+)/.exec(text)?.[1] ?? []);
  const sections = Map.groupBy(pattern, ({ table }) => table);
  const script = [...sections].flatMap(([table, lines]) => [
    `*${table}`,
    ...copies.flatMap((copy, number) => {
      const words = { ...copy, ...Object.fromEntries(chains.map((chain) => [chain, renamed(chain, number)])) };
      return lines.map(({ text }) => replaced(text, words));
    }),
    'COMMIT',
  ]);
  await spawned(`${program}-restore`, ['--noflush', '-w'], { input: `${script.join('\n')}\n` });
}

/** The end of a chain's name is a hash: a number is as good. */
function renamed(chain: string, number: number): string {
  return `${chain.slice(0, -6)}x${String(number).padStart(5, '0')}`;
}

function replaced(text: string, words: Replacements): string {
  const chain = text.startsWith(':') ? `${text} [0:0]` : text;
  return chain.replace(/[A-Za-z0-9_.-]+(?::[0-9a-f:.]+)*/g, (word) => words[word] ?? word.replace(/^(.+)(:\d+)$/, (_all, head: string, tail: string) => (words[head] ?? head) + tail));
}
