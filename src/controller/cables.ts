/** Cables that are there: what of them is written down, and taking them out. */
import type { Change as StoreChange } from '../store/store.ts';
import { linkLabel, type Context } from './context.ts';
import { departed, departures } from './departures.ts';
import type { LiveCable } from './ledger.ts';
import { cableKey, type CableRecord } from './records.ts';
import { removal } from './wanted.ts';

/** Takes a cable out at both ends. @throws {NetworkError} NOT_FOUND */
export async function removeCable(context: Context, reference: string): Promise<void> {
  const { record } = context.ledger.cable(reference);
  const notes = departures(context, [record]);
  await context.store.commit([...cableDeletions([record]), ...notes]);
  context.ledger.cables.delete(record.id);
  await context.applier.transition([removal(record.id)], { onFailure: 'forward' });
  departed(context, notes);
  context.events.emit(cableEvent('remove', record));
}

/** Takes away the cables with an end in a namespace that is gone and was no sandbox. @returns what was done, a sentence each */
export async function settleCables(context: Context): Promise<string[]> {
  const repairs: string[] = [];
  for (const { record } of context.ledger.cables.values()) {
    for (const end of record.ends) {
      if ('sandboxId' in end || (await context.kernel.namespaceIdentity(end.namespace)) === end.identity) continue;
      await removeCable(context, record.id);
      repairs.push(`link '${record.name}' removed: namespace ${end.namespace} is gone`);
      break;
    }
  }
  return repairs;
}

/** Store changes that forget cables. */
export function cableDeletions(cables: readonly CableRecord[]): StoreChange[] {
  return cables.map(({ id }) => ({ key: cableKey(id) }));
}

/** A record with what its links carry in the kernel. */
export function liveCable({ store }: Pick<Context, 'store'>, record: CableRecord): LiveCable {
  return { record, label: linkLabel(store.instanceId, record.id) };
}

/** The event of a cable. */
export function cableEvent(action: 'create' | 'remove', { id, name }: CableRecord): Parameters<Context['events']['emit']>[0] {
  return { type: 'link', action, id, name };
}
