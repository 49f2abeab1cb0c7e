import type { IptablesFamily, IptablesVariant } from '../kernel/firewall-command.ts';
import type { InstanceNames } from './instance.ts';
import { chainsOf } from './iptables-backend.ts';
import type { FoundRuleSet } from './read-rule-sets.ts';

/**
 * The rule sets as they would be if the iptables back end had made its chains there: for a rehearsal, which
 * makes none and has to say where the jumps to them go. Pure.
 *
 * @param there as they are
 */
export function rehearsedRuleSets(there: readonly FoundRuleSet[], { chains, families }: { readonly chains: IptablesVariant; readonly families: readonly IptablesFamily[] }, names: InstanceNames): FoundRuleSet[] {
  const made = families.flatMap((family): FoundRuleSet[] => {
    const variant = family === 'bridge' ? 'default' : chains;
    const one = there.find((set) => set.family === family && set.variant === variant);
    if (one?.hooked === true) return [];
    const text = Object.entries(chainsOf(family)).map(([role, { table, hooks = [] }]) => [`*${table}`, ...[names.chain(role), ...hooks].map((chain) => `:${chain} - [0:0]`), ''].join('\n'));
    return [{ family, variant, text: [one?.text ?? '', ...text].join('\n'), hooked: true, forwards: true, admits: true }];
  });
  return [...there.filter(({ family, variant }) => !made.some((one) => one.family === family && one.variant === variant)), ...made];
}
