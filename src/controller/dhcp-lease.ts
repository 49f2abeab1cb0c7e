import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { Context } from './context.ts';
import { endpointKey } from './endpoints.ts';
import { followPorts, wayOut } from './publishing.ts';
import type { EndpointRecord } from './records.ts';
import { endpointChange, sandboxChanges } from './wanted.ts';

/**
 * Writes a lease down, or that there is none any more, and makes it true. Nothing to do for an endpoint that is gone.
 * @throws {NetworkError} KERNEL, or EXISTS when somebody on the link has the address: the endpoint has none then
 */
export async function takeLease(context: Context, id: string, lease: DhcpLease | undefined): Promise<EndpointRecord | undefined> {
  const before = context.ledger.endpoints.get(id);
  if (before?.dhcp === undefined) return undefined;
  const { lease: _former, ...rest } = before.dhcp;
  const { ipv4: _address, ...endpoint } = before;
  const after: EndpointRecord = lease === undefined ? { ...endpoint, dhcp: rest } : { ...endpoint, ipv4: lease.address, dhcp: { ...rest, lease } };
  try {
    await put(context, after);
  } catch (error) {
    await put(context, { ...endpoint, dhcp: rest });
    throw error;
  }
  return after;
}

async function put(context: Context, endpoint: EndpointRecord): Promise<void> {
  const { ledger, store, applier } = context;
  const { id, sandboxId } = endpoint;
  const wayBefore = sandboxId === undefined ? '' : wayOut(context, sandboxId);
  ledger.putEndpoint(endpoint);
  await store.commit([{ key: endpointKey(id), value: endpoint }]);
  if (sandboxId !== undefined && wayOut(context, sandboxId) !== wayBefore) await followPorts(context, ledger.sandbox(sandboxId));
  await applier.transition(sandboxId === undefined ? [endpointChange(ledger, endpoint)] : sandboxChanges(ledger, sandboxId), { onFailure: 'back' });
}
