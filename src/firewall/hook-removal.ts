import type { IptablesRestore, NftScript, NftTable } from '../kernel/firewall-command.ts';
import { madeMark, removalLines, type SavedRuleSet } from './hook-rules.ts';
import { instanceNames } from './instance.ts';
import { batchSection, variantOf } from './iptables-backend.ts';
import { parseSave, savedPolicies } from './iptables-save.ts';

const TABLES = ['raw', 'nat', 'mangle', 'filter'] as const;
const NFT_FAMILIES = { 4: 'ip', 6: 'ip6', bridge: 'bridge' } as const;

/**
 * Plans that nothing of ours is left in a rule set: jumps and chains go, then the built-in chains that
 * iptables-nft made because of us and that nobody has used since, then the tables around them. Pure.
 *
 * @param instance 8 hex digits
 */
export function planRemoval(ruleSet: SavedRuleSet, instance: string): (IptablesRestore | NftScript)[] {
  const { family, variant, text, present } = ruleSet;
  const names = instanceNames(instance);
  const isOurs = (chain: string): boolean => chain.startsWith(names.chain(''));
  const tables = TABLES.map((table) => {
    const rules = parseSave(text, table);
    const ours = [...rules.keys()].filter(isOurs);
    const policies = savedPolicies(text, table);
    const made = ours.flatMap((chain) => (chain.startsWith(madeMark(names, '')) ? [chain.slice(madeMark(names, '').length)] : []));
    const idle = made.filter((chain) => policies.get(chain) === 'ACCEPT' && (rules.get(chain) ?? []).every(({ target, comment }) => (target !== undefined && isOurs(target)) || comment === names.comment));
    const left = [...(present?.get(table) ?? [])].filter((chain) => !isOurs(chain) && !idle.includes(chain));
    return { table, lines: removalLines(ours, rules), idle, empty: ours.length > 0 && present?.has(table) === true && left.length === 0 };
  });
  const restore = (sections: readonly string[], optional: boolean): IptablesRestore[] => {
    const batch = sections.join('');
    return batch === '' ? [] : [{ op: 'iptables-restore', family, variant: variantOf(family, variant), batch, ...(optional ? { optional } : {}) }];
  };
  const section = (table: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [batchSection(family, table, lines)]);
  return [
    ...restore(tables.flatMap(({ table, lines }) => section(table, lines)), false),
    ...restore(tables.flatMap(({ table, idle }) => section(table, idle.map((chain) => `-X ${chain}`))), true),
    ...dropTables(tables.flatMap(({ table, empty }) => (empty ? [{ family: NFT_FAMILIES[family], table }] : []))),
  ];
}

function dropTables(empty: readonly NftTable[]): NftScript[] {
  if (empty.length === 0) return [];
  return [{ op: 'nft', script: empty.map(({ family, table }) => `delete table ${family} ${table}\n`).join(''), empty }];
}
