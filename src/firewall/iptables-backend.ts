import type { IptablesFamily, IptablesRestore, IptablesVariant } from '../kernel/firewall-command.ts';
import type { FirewallBackend } from './backend.ts';
import type { Fact } from './facts.ts';
import { instanceNames, type InstanceNames } from './instance.ts';
import { iptablesRules, type IptablesRule } from './iptables-rules.ts';
import { EBTABLES_CHAINS, iptablesChains, type IptablesChain, type IptablesTable } from './iptables-shape.ts';

/** How this machine's iptables is used. */
export interface IptablesBackendOptions {
  readonly variant: IptablesVariant;
  /**
   * `none` where ebtables is not installed: networks with `icc` false are then closed inside only
   * under bridge-nf-call-iptables=1. Default `ebtables`.
   */
  readonly bridges?: 'ebtables' | 'none';
}

/**
 * Renders facts for hosts without nft: chains of our own in raw, nat, mangle and filter and in
 * ebtables, one batch a family. Costs a rule a port, where nft costs none.
 *
 * The chains do nothing until {@link acceptRules} hooks them into the built-in ones, which takes a
 * look at what is there. `rebuild([])` does nothing: what would empty our chains would make them where
 * they are not, and the tables around them. `acceptRules` with nothing wanted removes them.
 *
 * @param instance 8 hex digits
 */
export function iptablesBackend(instance: string, { variant, bridges = 'ebtables' }: IptablesBackendOptions): FirewallBackend {
  const names = instanceNames(instance);
  const families: readonly IptablesFamily[] = bridges === 'none' ? [4, 6] : [4, 6, 'bridge'];
  const operation = (family: IptablesFamily, batch: string): IptablesRestore => ({ op: 'iptables-restore', family, variant: variantOf(family, variant), batch });
  return {
    name: 'iptables',
    rebuild(facts) {
      return facts.length === 0 ? [] : families.map((family) => operation(family, render(family, facts, names)));
    },
    change(before, after) {
      const old = distinct(before);
      const fresh = distinct(after);
      const gone = [...old].filter(([key]) => !fresh.has(key)).map(([, rule]) => rule);
      const come = [...fresh].filter(([key]) => !old.has(key)).map(([, rule]) => rule);
      return families.flatMap((family) => {
        const lines = changeLines(family, gone, come, names);
        return lines.length === 0 ? [] : [operation(family, lines)];
      });
    },
  };
}

/** ebtables is one program, whichever kind of iptables is in use. */
export function variantOf(family: IptablesFamily, variant: IptablesVariant): IptablesVariant {
  return family === 'bridge' ? 'default' : variant;
}

/** Chains of a family by role, with their tables. */
export function chainsOf(family: IptablesFamily): Readonly<Record<string, IptablesChain>> {
  if (family !== 'bridge') return iptablesChains(family);
  return Object.fromEntries(Object.entries(EBTABLES_CHAINS).map(([role, chain]): [string, IptablesChain] => [role, { ...chain, table: 'filter' }]));
}

function distinct(facts: readonly Fact[]): Map<string, IptablesRule> {
  return new Map(facts.flatMap(iptablesRules).map((rule) => [`${rule.family} ${rule.chain} ${rule.spec}`, rule]));
}

/** A chain of ours as it has to be. */
export interface ChainContents {
  readonly table: IptablesTable;
  readonly name: string;
  /** Rules without `-A NAME`, as iptables-save prints them: the outer ones in this order, those between in any. */
  readonly head: readonly string[];
  readonly front: readonly string[];
  readonly end: readonly string[];
  readonly tail: readonly string[];
}

/**
 * What our chains of one family hold.
 * @throws {NetworkError} INVALID for a name, address or port that cannot stand in a rule
 */
export function chainContents(family: IptablesFamily, facts: readonly Fact[], names: InstanceNames): ChainContents[] {
  const rules = Map.groupBy([...distinct(facts).values()].filter((rule) => rule.family === family), ({ chain }) => chain);
  return Object.entries(chainsOf(family)).map(([role, { table, head = [], tail = [] }]) => {
    const placed = (place: IptablesRule['place']): string[] => (rules.get(role) ?? []).filter((rule) => rule.place === place).map(({ spec }) => spec);
    const expanded = (specs: readonly string[]): string[] => specs.map((spec) => expand(spec, names));
    return { table, name: names.chain(role), head: expanded(head), front: expanded(placed('front')), end: expanded(placed('end')), tail: expanded(tail) };
  });
}

/** All chains with their rules. */
function render(family: IptablesFamily, facts: readonly Fact[], names: InstanceNames): string {
  const tables = Map.groupBy(chainContents(family, facts, names), ({ table }) => table);
  const sections = [...tables].map(([table, chains]) => {
    // Naming a chain makes it, or empties it; ebtables-legacy needs to be told to.
    const fresh = family === 'bridge' ? [...chains.map(({ name }) => `:${name} RETURN`), ...chains.map(({ name }) => `-F ${name}`)] : chains.map(({ name }) => `:${name} - [0:0]`);
    const lines = chains.flatMap(({ name, head, front, end, tail }) => [...head, ...front, ...end, ...tail].map((spec) => `-A ${name} ${spec}`));
    return batchSection(family, table, [...fresh, ...lines]);
  });
  return sections.join('');
}

/** The part of a batch for one table. ebtables-legacy takes no COMMIT, ebtables-nft needs none. */
export function batchSection(family: IptablesFamily, table: string, lines: readonly string[]): string {
  return [`*${table}`, ...lines, ...(family === 'bridge' ? [] : ['COMMIT']), ''].join('\n');
}

function changeLines(family: IptablesFamily, gone: readonly IptablesRule[], come: readonly IptablesRule[], names: InstanceNames): string {
  const chains = chainsOf(family);
  const tableOf = (rule: IptablesRule): string => chains[rule.chain]?.table ?? '';
  const mine = (rules: readonly IptablesRule[]): IptablesRule[] => rules.filter((rule) => rule.family === family);
  const lines = [
    // What goes makes room first: a port may move from one container to another.
    ...mine(gone).map((rule) => [tableOf(rule), `-D ${names.chain(rule.chain)} ${expand(rule.spec, names)}`] as const),
    ...mine(come).map((rule) => [tableOf(rule), `${placement(rule, chains, names)} ${expand(rule.spec, names)}`] as const),
  ];
  const tables = Map.groupBy(lines, ([table]) => table);
  return [...tables].map(([table, members]) => batchSection(family, table, members.map(([, line]) => line))).join('');
}

function placement({ chain, place }: IptablesRule, chains: Readonly<Record<string, IptablesChain>>, names: InstanceNames): string {
  const name = names.chain(chain);
  return place === 'end' ? `-A ${name}` : `-I ${name} ${(chains[chain]?.head?.length ?? 0) + 1}`;
}

function expand(spec: string, names: InstanceNames): string {
  return spec.replace(/\{([A-Z-]+)\}/g, (_braces, role: string) => names.chain(role));
}
