import { readFileSync } from 'node:fs';
import type { Place } from './place.ts';

/** Sections of `scripts/lib/machine-state.sh`, each a list of lines. */
export type MachineState = ReadonlyMap<string, readonly string[]>;

const SCRIPT = readFileSync(new URL('../../scripts/lib/machine-state.sh', import.meta.url), 'utf8');

/** What there is at a place: links, namespaces, packet filters, mounts, sockets, routes, sysctls. */
export async function readState(place: Place): Promise<MachineState> {
  return parse(await place.sh(SCRIPT));
}

/**
 * What changed between two states, a line each (`links: + br0 …`), so that
 * `assert.deepEqual(difference(before, after), [])` says what is left.
 *
 * @param sections only these; all unless told
 */
export function difference(before: MachineState, after: MachineState, sections: readonly string[] = [...new Set([...before.keys(), ...after.keys()])]): string[] {
  return sections.flatMap((section) => {
    const old = before.get(section) ?? [];
    const now = after.get(section) ?? [];
    return [
      ...without(old, now).map((line) => `${section}: - ${line}`),
      ...without(now, old).map((line) => `${section}: + ${line}`),
    ];
  });
}

/** The lines of the first list that the second has not, as often as it has them not. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function parse(text: string): MachineState {
  const state = new Map<string, string[]>();
  let section: string[] = [];
  for (const line of text.split('\n')) {
    const heading = /^== (.+)$/.exec(line);
    if (heading?.[1] !== undefined) state.set(heading[1], (section = []));
    else if (line !== '') section.push(line);
  }
  return state;
}
