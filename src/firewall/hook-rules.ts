import type { IptablesFamily, IptablesRestore, IptablesVariant } from '../kernel/firewall-command.ts';
import { instanceNames } from './instance.ts';
import { batchSection, chainsOf, variantOf } from './iptables-backend.ts';
import type { IptablesChain } from './iptables-shape.ts';
import { parseSave, type SavedTable } from './iptables-save.ts';

/**
 * Plans the jumps from the built-in chains to ours: each exactly once, first where it is new. With
 * `wanted` false, takes jumps and chains away. Pure; touches only what carries this owner's name.
 *
 * @param saved by table, `iptables-save -t TABLE` (or `ebtables-save`); a table left out is not there
 * @param instance 8 hex digits
 */
export function planHooks(
  saved: ReadonlyMap<string, string>,
  { family, variant }: { readonly family: IptablesFamily; readonly variant: IptablesVariant },
  instance: string,
  wanted: boolean,
): IptablesRestore[] {
  const names = instanceNames(instance);
  const batch = [...saved].map(([table, text]) => {
    const rules = parseSave(text, table);
    const chains = Object.entries(chainsOf(family)).filter(([, chain]) => chain.table === table);
    const comment = family === 'bridge' ? '' : `-m comment --comment "${names.comment}" `; // ebtables has none
    const lines = wanted ? chains.flatMap(([role, chain]) => hookLines(names.chain(role), chain, rules, comment)) : removalLines(names.chain(''), rules);
    return lines.length === 0 ? '' : batchSection(family, table, lines);
  }).join('');
  return batch === '' ? [] : [{ op: 'iptables-restore', family, variant: variantOf(family, variant), batch }];
}

function hookLines(name: string, { hooks = [] }: IptablesChain, rules: SavedTable, comment: string): string[] {
  if (!rules.has(name)) return [];
  return hooks.flatMap((hook) => {
    const jumps = (rules.get(hook) ?? []).filter(({ target }) => target === name);
    return jumps.length === 0 ? [`-I ${hook} 1 ${comment}-j ${name}`] : jumps.slice(1).map(({ text }) => `-D ${hook} ${text}`);
  });
}

function removalLines(prefix: string, rules: SavedTable): string[] {
  const ours = [...rules.keys()].filter((chain) => chain.startsWith(prefix));
  const jumps = [...rules].flatMap(([chain, members]) =>
    chain.startsWith(prefix) ? [] : members.filter(({ target }) => target?.startsWith(prefix) === true).map(({ text }) => `-D ${chain} ${text}`),
  );
  // Emptied first: they lead to each other.
  return [...jumps, ...ours.map((chain) => `-F ${chain}`), ...ours.map((chain) => `-X ${chain}`)];
}
