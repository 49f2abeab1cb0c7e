import type { Fact } from './facts.ts';
import { instanceNames } from './instance.ts';
import { elementKey, elementsOf } from './nft-backend.ts';
import type { NftElement } from './nft-elements.ts';
import { chainsIn, setsIn } from './nft-listing.ts';
import { TABLES, type TableFamily } from './nft-shape.ts';

/** How many elements of one set are named before the rest is only counted. */
const NAMED = 3;

/** What `kernel.nftList('list table FAMILY netctl_X')` gave; undefined when the table is not there. */
export type Listings = Readonly<Record<TableFamily, unknown>>;

/**
 * Compares what nft holds with the facts. Pure.
 *
 * @param instance 8 hex digits
 * @param facts all of them
 * @returns a sentence for everything that is missing, extra or different; empty when all is well
 */
export function nftDrift(instance: string, facts: readonly Fact[], listings: Listings): string[] {
  const { table } = instanceNames(instance);
  const families = ['inet', 'bridge'] as const;
  if (facts.length === 0) return families.filter((family) => listings[family] !== undefined).map((family) => `table ${family} ${table} is still there and nothing needs it`);
  const elements = elementsOf(facts);
  return families.flatMap((family) => {
    if (listings[family] === undefined) return [`table ${family} ${table} is missing: nothing of ours is filtered or published`];
    const where = `table ${family} ${table}`;
    return [...chainDrift(where, family, listings[family]), ...elementDrift(where, family, listings[family], elements)];
  });
}

function chainDrift(where: string, family: TableFamily, listing: unknown): string[] {
  const found = chainsIn(listing);
  const wanted = TABLES[family].chains;
  const extra = [...found.keys()].filter((name) => wanted[name] === undefined).map((name) => `${where} has a chain ${name} that is not ours`);
  const wrong = Object.entries(wanted).flatMap(([name, { hook, rules }]) => {
    const chain = found.get(name);
    if (chain === undefined) return [`${where} lacks the chain ${name}`];
    const hooked = chain.hook === hook ? [] : [`${where}, chain ${name} is ${chain.hook ?? 'not hooked'} instead of ${hook ?? 'not hooked'}`];
    const counted = chain.rules === rules.length ? [] : [`${where}, chain ${name} has ${chain.rules} rules instead of ${rules.length}`];
    const closed = chain.policy === undefined || chain.policy === 'accept' ? [] : [`${where}, chain ${name} has the policy ${chain.policy}`];
    return [...hooked, ...counted, ...closed];
  });
  return [...wrong, ...extra];
}

function elementDrift(where: string, family: TableFamily, listing: unknown, elements: ReadonlyMap<string, NftElement>): string[] {
  const found = setsIn(listing, family);
  const wanted = Map.groupBy([...elements.values()].filter((element) => element.table === family), ({ set }) => set);
  return Object.keys(TABLES[family].sets).flatMap((set) => {
    const held = found.get(set);
    if (held === undefined) return [`${where} lacks the set ${set}`];
    const there = new Map(held.map((element) => [elementKey(element), element]));
    const due = wanted.get(set) ?? [];
    const isThere = (element: NftElement): boolean => {
      const match = there.get(elementKey(element));
      return match !== undefined && match.data === element.data;
    };
    const missing = due.filter((element) => !isThere(element)).map(words);
    const extra = held.filter((element) => !elements.has(elementKey(element))).map(words);
    return [...told(`${where}, set ${set} lacks`, missing), ...told(`${where}, set ${set} has, and nobody wants,`, extra)];
  });
}

function told(what: string, elements: readonly string[]): string[] {
  if (elements.length === 0) return [];
  const rest = elements.length - NAMED;
  return [`${what} ${elements.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`];
}

function words({ key, data }: NftElement): string {
  return data === undefined ? key : `${key} : ${data}`;
}
