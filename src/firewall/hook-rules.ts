import type { IptablesFamily, IptablesRestore, IptablesVariant } from '../kernel/firewall-command.ts';
import { instanceNames, type InstanceNames } from './instance.ts';
import { batchSection, chainsOf, variantOf } from './iptables-backend.ts';
import { parseSave, type SavedTable } from './iptables-save.ts';
import type { IptablesChain } from './iptables-shape.ts';

/** One of the machine's rule sets, as it is. */
export interface SavedRuleSet {
  readonly family: IptablesFamily;
  readonly variant: IptablesVariant;
  /** `iptables-save` or `ebtables-save`, all tables. */
  readonly text: string;
  /** The chains that are really there, by table, where that can be known: iptables-nft-save prints every built-in one. */
  readonly present?: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Plans the jumps from the built-in chains to ours: each exactly once, first where it is new. Chains
 * that carry our name and are none of ours go. A built-in chain that comes with its jump gets a mark
 * beside it ({@link madeMark}), for {@link planRemoval}. Pure; touches only what carries this owner's name.
 *
 * @param instance 8 hex digits
 */
export function planHooks({ family, variant, text, present }: SavedRuleSet, instance: string): IptablesRestore[] {
  const names = instanceNames(instance);
  const chains = Map.groupBy(Object.entries(chainsOf(family)), ([, { table }]) => table);
  const batch = [...chains].map(([table, members]) => {
    const rules = parseSave(text, table);
    const known = new Set(members.map(([role]) => names.chain(role)));
    const strays = [...rules.keys()].filter((chain) => chain.startsWith(names.chain('')) && !chain.startsWith(madeMark(names, '')) && !known.has(chain));
    const there = present?.get(table);
    const lines = [...removalLines(strays, rules), ...members.flatMap(([role, chain]) => hookLines(names.chain(role), chain, rules, jumpTo(names, role, family)))];
    const missing = there === undefined ? [] : members.flatMap(([role, { hooks = [] }]) => (rules.has(names.chain(role)) ? hooks.filter((hook) => !there.has(hook)) : []));
    const marks = [...new Set(missing)].map((hook) => `:${madeMark(names, hook)} ${family === 'bridge' ? 'RETURN' : '- [0:0]'}`);
    return lines.length === 0 ? '' : batchSection(family, table, [...marks, ...lines]);
  }).join('');
  return batch === '' ? [] : [{ op: 'iptables-restore', family, variant: variantOf(family, variant), batch }];
}

/**
 * The empty chain that says, as long as it stands in a table, that a built-in chain came with our jump to ours.
 * The kernel takes no longer name than that of POSTROUTING.
 */
export function madeMark(names: InstanceNames, builtIn: string): string {
  return names.chain(`+${builtIn}`);
}

/** Lines that take chains away, and the jumps to them. */
export function removalLines(ours: readonly string[], rules: SavedTable): string[] {
  const going = new Set(ours);
  const jumps = [...rules].flatMap(([chain, members]) =>
    going.has(chain) ? [] : members.filter(({ target }) => target !== undefined && going.has(target)).map(({ text }) => `-D ${chain} ${text}`),
  );
  // Emptied first: they lead to each other.
  return [...jumps, ...ours.map((chain) => `-F ${chain}`), ...ours.map((chain) => `-X ${chain}`)];
}

/** The rule by which a built-in chain leads to ours. */
function jumpTo(names: InstanceNames, role: string, family: IptablesFamily): string {
  return family === 'bridge' ? `-j ${names.chain(role)}` : `-m comment --comment "${names.comment}" -j ${names.chain(role)}`; // ebtables has no comments
}

function hookLines(name: string, { hooks = [] }: IptablesChain, rules: SavedTable, jump: string): string[] {
  if (!rules.has(name)) return [];
  return hooks.flatMap((hook) => {
    const jumps = (rules.get(hook) ?? []).filter(({ target }) => target === name);
    const right = jumps.find(({ words }) => words.join(' ') === jump.replaceAll('"', ''));
    // One with a condition, or a goto, is somebody's doing.
    const wrong = jumps.filter((rule) => rule !== right).map(({ text }) => `-D ${hook} ${text}`);
    return right === undefined ? [...wrong, `-I ${hook} 1 ${jump}`] : wrong;
  });
}
