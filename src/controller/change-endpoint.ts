import type { Context } from './context.ts';
import { endpointKey } from './endpoints.ts';
import { followPorts, wayOut } from './publishing.ts';
import type { EndpointRecord } from './records.ts';
import { endpointChange, sandboxChanges } from './wanted.ts';

/** Writes the new version of an endpoint down and makes it true; the sandbox's way out and its ports follow. @throws {NetworkError} KERNEL, EXISTS: it is written down all the same */
export async function changeEndpoint(context: Context, endpoint: EndpointRecord): Promise<void> {
  const { ledger, store, applier } = context;
  const { id, sandboxId } = endpoint;
  const wayBefore = sandboxId === undefined ? '' : wayOut(context, sandboxId);
  ledger.putEndpoint(endpoint);
  await store.commit([{ key: endpointKey(id), value: endpoint }]);
  if (sandboxId !== undefined && wayOut(context, sandboxId) !== wayBefore) await followPorts(context, ledger.sandbox(sandboxId));
  await applier.transition(sandboxId === undefined ? [endpointChange(ledger, endpoint)] : sandboxChanges(ledger, sandboxId), { onFailure: 'back' });
}
