import type { Attached } from './lab-machine.ts';
import { until } from './until.ts';

/** Resolves when each of these reaches each of the others. @throws Error that names a pair which does not */
export async function everyPair(ends: readonly Attached[], limit?: number): Promise<void> {
  await Promise.all(
    ends.map(async (from) => {
      for (const to of ends) if (to !== from) await until(`${from.name} on ${from.machine.name} reaches ${to.name} on ${to.machine.name}`, () => from.machine.pings(from.space, to.ipv4), limit);
    }),
  );
}

/** @throws Error that names an address which two of these have */
export function allDiffer(ends: readonly Attached[]): void {
  const owners = new Map<string, Attached>();
  for (const end of ends) {
    for (const address of [end.ipv4, end.ipv6]) {
      const other = owners.get(address);
      if (other !== undefined && address !== '') throw new Error(`${address} was given twice: to ${other.name} on ${other.machine.name} and ${end.name} on ${end.machine.name}`);
      owners.set(address, end);
    }
  }
}
