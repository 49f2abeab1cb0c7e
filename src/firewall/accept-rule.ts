import type { IptablesRestore, IptablesVariant } from '../kernel/firewall-command.ts';
import { ACCEPT_BIT } from './backend.ts';
import { COMMENT_PREFIX, instanceNames } from './instance.ts';
import { parseSave, type SavedRule } from './iptables-save.ts';

/** Which of the machine's iptables rule sets. */
export interface RuleSet {
  readonly family: 4 | 6;
  readonly variant: IptablesVariant;
}

/**
 * Plans the one rule by which what we accepted survives other people's iptables rules, such as
 * dockerd's `-P FORWARD DROP`: an accept of ours in nft or in the mangle table cannot overrule
 * them. It stands in FORWARD right behind the jump to DOCKER-USER, so that a user's drops there
 * hold for our ports too, and first where there is no such jump. The same for INPUT, where ports of
 * the host are to be open. Pure.
 *
 * @param saved `iptables-save -t filter` of that rule set
 * @param instance 8 hex digits
 * @param wanted false: take it away
 * @param chain in which of the built-in chains
 * @returns nothing where it stands right already, and where there is no such chain
 */
export function planAcceptRule(saved: string, { family, variant }: RuleSet, instance: string, wanted: boolean, chain: 'FORWARD' | 'INPUT' = 'FORWARD'): IptablesRestore[] {
  const rules = parseSave(saved, 'filter').get(chain);
  if (rules === undefined) return [];
  const { comment } = instanceNames(instance);
  const bit = `0x${ACCEPT_BIT.toString(16)}`;
  const spec = `-m mark --mark ${bit}/${bit} -m comment --comment "${comment}" -j ACCEPT`;
  const isOurs = (rule: SavedRule): boolean => rule.comment === comment && rule.target === 'ACCEPT';
  const ours = rules.filter(isOurs);
  const others = rules.filter((rule) => !isOurs(rule));
  const behind = others.findLastIndex(isUserJump) + 1;
  const [only] = ours;
  if (wanted && ours.length === 1 && only !== undefined && says(only, spec) && standsBehind(rules, behind, rules.indexOf(only))) return [];
  const lines = [...ours.map((rule) => `-D ${chain} ${rule.text}`), ...(wanted ? [`-I ${chain} ${behind + 1} ${spec}`] : [])];
  return lines.length === 0 ? [] : [{ op: 'iptables-restore', family, variant, batch: ['*filter', ...lines, 'COMMIT', ''].join('\n') }];
}

function isUserJump({ words }: SavedRule): boolean {
  return words.length === 2 && words[0] === '-j' && words[1] === 'DOCKER-USER';
}

function says({ words }: SavedRule, spec: string): boolean {
  return words.join(' ') === spec.replaceAll('"', '');
}

/** Right behind the jump; rules of our own kind, whoever's, may stand between, lest two owners swap places for ever. */
function standsBehind(rules: readonly SavedRule[], behind: number, at: number): boolean {
  return at >= behind && rules.slice(behind, at).every(({ comment }) => comment?.startsWith(COMMENT_PREFIX) === true);
}
