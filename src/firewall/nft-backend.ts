import type { NftScript } from '../kernel/firewall-command.ts';
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
      const lines = [
        ...commands('delete', table, without(old, fresh)),
        ...commands('add', table, without(fresh, old)),
      ];
      return lines.length === 0 ? [] : [script(lines)];
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
  const bySet = Map.groupBy(elements, (element) => `${element.table} ${table} ${element.set}`);
  return [...bySet].map(([set, members]) => `${verb} element ${set} { ${members.map((member) => text(verb, member)).join(', ')} }`);
}

function text(verb: 'add' | 'delete', { key, data }: NftElement): string {
  return verb === 'delete' || data === undefined ? key : `${key} : ${data}`;
}

function script(lines: readonly string[]): NftScript {
  return { op: 'nft', script: `${lines.join('\n')}\n` };
}
