import type { NftElementChange, NftScript } from '../kernel/firewall-command.ts';
import type { FirewallBackend } from './backend.ts';
import type { Fact } from './facts.ts';
import { instanceNames } from './instance.ts';
import { nftElements, type NftElement } from './nft-elements.ts';
import { renderTable, type TableFamily } from './nft-shape.ts';

const FAMILIES: readonly TableFamily[] = ['inet', 'bridge'];

/**
 * Renders facts for nft: two tables of our own, each change one transaction of `nft -f -`. Beside
 * other people's iptables rules it needs {@link acceptRules}.
 *
 * @param instance 8 hex digits
 */
export function nftBackend(instance: string): FirewallBackend {
  const { table } = instanceNames(instance);
  return {
    name: 'nft',
    rebuild(facts) {
      // nft 1.0.6 has no `destroy`; adding what is there is no error, deleting what is not would be.
      const cleared = FAMILIES.flatMap((family) => [`table ${family} ${table}`, `delete table ${family} ${table}`]);
      if (facts.length === 0) return [script(cleared)];
      const elements = [...elementsOf(facts).values()];
      return [script([...cleared, ...FAMILIES.map((family) => renderTable(family, table)), ...commands('add', table, elements)])];
    },
    change(before, after) {
      const old = elementsOf(before);
      const fresh = elementsOf(after);
      const gone = without(old, fresh).toSorted(bySet);
      const come = without(fresh, old).toSorted(bySet);
      const lines = [...commands('delete', table, gone), ...commands('add', table, come)];
      if (lines.length === 0) return [];
      const elements = [...gone.map((element) => direct('delete', table, element)), ...come.map((element) => direct('add', table, element))];
      return [{ ...script(lines), ...(elements.every((element) => element !== undefined) ? { elements } : {}) }];
    },
  };
}

/** The elements behind facts, by {@link elementKey}; facts that say the same thing meet in one element. */
export function elementsOf(facts: readonly Fact[]): Map<string, NftElement> {
  return new Map(facts.flatMap(nftElements).map((element) => [elementKey(element), element]));
}

/** Where an element stands: equal for two that cannot be there at once. */
export function elementKey({ table, set, key }: NftElement): string {
  return `${table} ${set} ${key}`;
}

function without(elements: ReadonlyMap<string, NftElement>, others: ReadonlyMap<string, NftElement>): NftElement[] {
  return [...elements].flatMap(([key, element]) => {
    const other = others.get(key);
    return other !== undefined && other.data === element.data ? [] : [element];
  });
}

function commands(verb: 'add' | 'delete', table: string, elements: readonly NftElement[]): string[] {
  const sets = Map.groupBy(elements, (element) => `${element.table} ${table} ${element.set}`);
  return [...sets].map(([set, members]) => `${verb} element ${set} { ${members.map((member) => text(verb, member)).join(', ')} }`);
}

/** What goes to one set goes in one message. */
function bySet(a: NftElement, b: NftElement): number {
  return a.set < b.set ? -1 : Number(a.set > b.set);
}

function direct(change: 'add' | 'delete', table: string, { table: family, set, fields }: NftElement): NftElementChange | undefined {
  if (fields === undefined) return undefined;
  return { change, family, table, set, key: fields.key, ...(change === 'delete' || fields.data === undefined ? {} : { data: fields.data }) };
}

function text(verb: 'add' | 'delete', { key, data }: NftElement): string {
  return verb === 'delete' || data === undefined ? key : `${key} : ${data}`;
}

function script(lines: readonly string[]): NftScript {
  return { op: 'nft', script: `${lines.join('\n')}\n` };
}
