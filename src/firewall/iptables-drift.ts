import type { IptablesFamily } from '../kernel/firewall-command.ts';
import { canonicalRule } from './canonical-rule.ts';
import type { Fact } from './facts.ts';
import { instanceNames } from './instance.ts';
import { chainContents, type ChainContents } from './iptables-backend.ts';
import { parseSave, type SavedRule } from './iptables-save.ts';

/** How many rules of one chain are named before the rest is only counted. */
const NAMED = 3;

const PROGRAMS = { 4: 'iptables', 6: 'ip6tables', bridge: 'ebtables' } as const;

/**
 * Compares our chains in one rule set with the facts, rule by rule. Pure.
 *
 * @param instance 8 hex digits
 * @param facts all of them; without any, chains that are left are {@link acceptRules}' to find
 * @param saved `iptables-save`, all tables
 * @returns a sentence for every chain that is missing, and for what is missing, extra or misplaced in the others
 */
export function iptablesDrift(instance: string, facts: readonly Fact[], family: IptablesFamily, saved: string): string[] {
  if (facts.length === 0) return [];
  const tables = Map.groupBy(chainContents(family, facts, instanceNames(instance)), ({ table }) => table);
  return [...tables].flatMap(([table, chains]) => {
    const where = `${PROGRAMS[family]}, table ${table}`;
    if (isUnreadable(saved, table)) return [`${where} cannot be read: it holds rules that only nft understands`];
    const found = parseSave(saved, table);
    return chains.flatMap((chain) => {
      const rules = found.get(chain.name);
      return rules === undefined ? [`${where} lacks the chain ${chain.name}`] : chainDrift(`${where}, chain ${chain.name}`, chain, rules);
    });
  });
}

/** iptables-nft says so instead of printing the table. */
function isUnreadable(saved: string, table: string): boolean {
  return saved.includes(`# Table \`${table}' is incompatible`);
}

function chainDrift(where: string, chain: ChainContents, found: readonly SavedRule[]): string[] {
  const ranks = rankRules(chain);
  const missing = new Set(ranks.keys());
  const extra: string[] = [];
  const swapped: string[] = [];
  let before: string | undefined;
  for (const { text } of found) {
    const rule = ranks.has(text) ? text : canonicalRule(text);
    const rank = ranks.get(rule);
    if (rank === undefined || !missing.delete(rule)) extra.push(`'${text}'`);
    else {
      if (before !== undefined && (ranks.get(before) ?? 0) > rank) swapped.push(`'${before}' before '${rule}'`);
      before = rule;
    }
  }
  return [...told(`${where} lacks`, [...missing].map((rule) => `'${rule}'`)), ...told(`${where} has, and nobody wants,`, extra), ...told(`${where} has`, swapped)];
}

/** Where each rule has to stand; those that may stand in any order have the same rank. */
function rankRules({ head, front, end, tail }: ChainContents): Map<string, number> {
  const inOrder = [...head.map((rule) => [rule]), front, end, ...tail.map((rule) => [rule])];
  return new Map(inOrder.flatMap((rules, rank) => rules.map((rule) => [rule, rank] as const)));
}

function told(what: string, rules: readonly string[]): string[] {
  if (rules.length === 0) return [];
  const rest = rules.length - NAMED;
  return [`${what} ${rules.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`];
}
