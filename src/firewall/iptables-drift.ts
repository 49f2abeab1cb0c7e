import type { Fact } from './facts.ts';
import { instanceNames } from './instance.ts';
import { iptablesBackend } from './iptables-backend.ts';
import { parseSave } from './iptables-save.ts';
import type { RuleSet } from './accept-rule.ts';

/**
 * Compares our chains in one rule set with the facts, by how many rules they hold: iptables prints
 * rules in other words than it took them. Pure.
 *
 * @param instance 8 hex digits
 * @param facts all of them
 * @param saved by table, `iptables-save -t TABLE`
 * @returns a sentence for each chain that is missing or has lost or gained rules
 */
export function iptablesDrift(instance: string, facts: readonly Fact[], { family, variant }: RuleSet, saved: ReadonlyMap<string, string>): string[] {
  const prefix = instanceNames(instance).chain('');
  const program = family === 6 ? 'ip6tables' : 'iptables';
  const batch = iptablesBackend(instance, { variant, bridges: 'none' }).rebuild(facts).find((op) => op.op === 'iptables-restore' && op.family === family);
  if (facts.length === 0 || batch?.op !== 'iptables-restore') return [];
  return ['raw', 'nat', 'mangle', 'filter'].flatMap((table) => {
    const found = parseSave(saved.get(table) ?? '', table);
    return [...parseSave(batch.batch, table)].flatMap(([chain, rules]) => {
      const there = found.get(chain);
      if (!chain.startsWith(prefix) || there?.length === rules.length) return [];
      if (there === undefined) return [`${program}, table ${table} lacks the chain ${chain}`];
      return [`${program}, table ${table}, chain ${chain} has ${there.length} rules instead of ${rules.length}`];
    });
  });
}
