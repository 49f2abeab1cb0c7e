import type { KernelEvent } from '../kernel.ts';
import { parseEntry } from '../netlink/neighbour-messages.ts';
import type { LinkTable } from './link-table.ts';
import type { OwnChanges } from './own-changes.ts';

/** Entries that went from forwarding databases and neighbour tables, gathered so that a burst becomes one event for each link. */
export class RemovedEntries {
  readonly #found = new Map<number, { readonly macs: Set<string>; readonly addresses: Set<string> }>();

  /** RTM_DELNEIGH. A neighbour that is deleted by hand goes as FAILED: whether it was a permanent one is not told. */
  add(payload: Buffer, own: OwnChanges | undefined): void {
    if (payload.length < 12 || own?.indexes.has(payload.readInt32LE(4)) === true) return;
    const entry = parseEntry(payload);
    if (entry === undefined || ('fdb' in entry && !entry.permanent)) return;
    const { macs, addresses } = this.#of(entry.index);
    if ('fdb' in entry) macs.add(entry.fdb.mac);
    else addresses.add(entry.neighbour.address);
  }

  /** What of it happened to links that carry an overlay, and by others. */
  events(links: LinkTable, own: OwnChanges | undefined): KernelEvent[] {
    return [...this.#found].flatMap(([index, { macs, addresses }]): KernelEvent[] => {
      const name = links.name(index);
      if (name === undefined || own?.names.has(name) === true || !links.carriesOverlay(index)) return [];
      return [{ event: 'entries-removed', name, index, macs: [...macs], addresses: [...addresses] }];
    });
  }

  #of(index: number): { readonly macs: Set<string>; readonly addresses: Set<string> } {
    const known = this.#found.get(index) ?? { macs: new Set(), addresses: new Set() };
    this.#found.set(index, known);
    return known;
  }
}
