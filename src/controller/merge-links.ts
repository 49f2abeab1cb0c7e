import { fdbKey } from '../kernel/forwarding-state.ts';
import type { LinkState } from '../kernel/link-state.ts';
import { linkKey } from './plan.ts';

/**
 * One state for each link: what several networks and endpoints want of the same one is wanted
 * together. An endpoint may add routes to a link that its network makes.
 */
export function mergeLinks(links: readonly LinkState[]): LinkState[] {
  const merged = new Map<string, LinkState>();
  for (const link of links) {
    const key = linkKey(link);
    const known = merged.get(key);
    merged.set(key, known === undefined ? link : union(known, link));
  }
  return [...merged.values()];
}

function union(a: LinkState, b: LinkState): LinkState {
  // The one that has a label is the link itself.
  const [whole, part] = a.label === undefined && b.label !== undefined ? [b, a] : [a, b];
  return {
    ...part,
    ...whole,
    ...all('addresses', [...(whole.addresses ?? []), ...(part.addresses ?? [])], (address) => address),
    ...all('routes', [...(whole.routes ?? []), ...(part.routes ?? [])], ({ destination, gateway, metric }) => `${destination} ${gateway} ${metric}`),
    ...all('sysctls', [...(whole.sysctls ?? []), ...(part.sysctls ?? [])], ({ key }) => key),
    ...table('forwarding', whole.forwarding, part.forwarding, fdbKey),
    ...table('neighbours', whole.neighbours, part.neighbours, ({ address }) => address),
  };
}

/** What only one states stays the very array that it is: the planner need not look into it then. */
function table<Key extends string, One>(key: Key, whole: readonly One[] | undefined, part: readonly One[] | undefined, identity: (one: One) => string): { [K in Key]?: One[] } {
  return whole === undefined || part === undefined || whole === part ? {} : all(key, [...whole, ...part], identity);
}

/** A field with each of the values once; no field where there are none. */
function all<Key extends string, One>(key: Key, values: readonly One[], identity: (one: One) => string): { [K in Key]?: One[] } {
  const distinct = new Map<string, One>();
  for (const one of values) if (!distinct.has(identity(one))) distinct.set(identity(one), one);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key is a string to the compiler
  return (distinct.size === 0 ? {} : { [key]: [...distinct.values()] }) as { [K in Key]?: One[] };
}
