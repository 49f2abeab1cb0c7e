import type { IptablesVariant } from '../kernel/firewall-command.ts';
import type { iptablesSave } from '../kernel/iptables.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { planAcceptRule } from './accept-rule.ts';
import { planRemoval } from './hook-removal.ts';
import { planHooks } from './hook-rules.ts';
import { instanceNames } from './instance.ts';
import { presentChains, type PresentChains } from './present-chains.ts';
import { readRuleSets, type FoundRuleSet } from './read-rule-sets.ts';
import { rehearsedRuleSets } from './rehearsed-rule-sets.ts';

/** What {@link acceptRules} can be told. */
export interface AcceptRulesOptions {
  /** The variant whose chains {@link iptablesBackend} fills; left out with nft, which has none. */
  readonly chains?: IptablesVariant;
  /** There are ports of the host that have to be open ({@link HostPortFacts}). */
  readonly hostPorts?: boolean;
  /** `none` where ebtables is not installed. */
  readonly bridges?: 'none';
  /** Nothing is carried out: what a rebuild would have made by now is taken to be there. */
  readonly rehearsal?: boolean;
  /** Reads rule sets; that of the kernel layer unless told. */
  readonly save?: typeof iptablesSave;
}

/**
 * What has to be done in iptables, given what stands there now, for our decisions to count: the one
 * accept rule in each rule set that has a FORWARD chain ({@link planAcceptRule}), one in INPUT where ports
 * of the host are to be open, and with the iptables back end the jumps to its chains. Leftovers of the
 * other back end go.
 *
 * To be applied after {@link FirewallBackend.rebuild}, at the first fact and the last as well, and
 * planned again whenever somebody else changed the packet filter.
 *
 * @param instance 8 hex digits
 * @param wanted whether there is any network
 * @throws {NetworkError} KERNEL when a rule set cannot be read
 */
export async function acceptRules(kernel: Pick<Kernel, 'nftList'>, instance: string, wanted: boolean, options: AcceptRulesOptions = {}): Promise<Op[]> {
  const { chains, bridges, save, rehearsal = false, hostPorts = false } = options;
  const names = instanceNames(instance);
  const present = await presentChains(kernel);
  const there = await readRuleSets({ prefix: names.chain(''), present, bridges: chains !== undefined && bridges !== 'none', save });
  const found = rehearsal && wanted && chains !== undefined ? rehearsedRuleSets(there, { chains, families: bridges === 'none' ? [4, 6] : [4, 6, 'bridge'] }, names) : there;
  const stays = ({ family, variant, hooked }: FoundRuleSet): boolean => wanted && hooked && chains !== undefined && (family === 'bridge' || chains === variant || chains === 'default');
  const accepts = found.flatMap((one) => {
    const { family, variant, text, forwards, admits } = one;
    if (family === 'bridge') return [];
    const ruleSet = { family, variant };
    return [
      ...planAcceptRule(text, ruleSet, instance, wanted && (forwards || stays(one))),
      ...planAcceptRule(text, ruleSet, instance, wanted && hostPorts && (admits || stays(one)), 'INPUT'),
    ];
  });
  const hooks = found.filter(({ hooked }) => hooked).flatMap((one): Op[] => (stays(one) ? planHooks(one, instance) : planRemoval(one, instance)));
  // The accept rule's place was counted without the jumps, which go first.
  return [...accepts, ...hooks, ...(chains === undefined ? [] : strayTables(present, names.table))];
}

/** Tables that nft left before somebody chose iptables. */
function strayTables(present: PresentChains | undefined, table: string): Op[] {
  const lines = ['inet', 'bridge'].flatMap((family) => (present?.get(family)?.has(table) === true ? [`delete table ${family} ${table}\n`] : []));
  return lines.length === 0 ? [] : [{ op: 'nft', script: lines.join('') }];
}
