import type { Family } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { Context } from './context.ts';
import { endpointKey } from './endpoints.ts';
import { probe } from './plan.ts';
import { followPorts, wayOut } from './publishing.ts';
import type { EndpointRecord } from './records.ts';
import { endpointChange, sandboxChanges } from './wanted.ts';

/** The lease of an endpoint in one family. */
export function leaseIn({ dhcp }: EndpointRecord, family: Family): DhcpLease | undefined {
  return family === 4 ? dhcp?.lease : dhcp?.lease6;
}

/**
 * Writes a lease down, or that there is none any more, and makes it true. Nothing to do for an endpoint that is gone.
 * @throws {NetworkError} KERNEL, INVALID for an address that a container cannot move to, or IN_USE when somebody on the link has the address: the endpoint has none then
 */
export async function takeLease(context: Context, id: string, family: Family, lease: DhcpLease | undefined): Promise<EndpointRecord | undefined> {
  const before = context.ledger.endpoints.get(id);
  if (before?.dhcp === undefined) return undefined;
  const without = withLease(before, family, undefined);
  const after = withLease(before, family, lease);
  if (lease !== undefined && before.sandboxId === undefined && before.ipv4 !== undefined && before.ipv4 !== lease.address) {
    throw new NetworkError('INVALID', `DHCP server ${lease.server} gives ${lease.address} in place of ${before.ipv4}, which the container goes on using`);
  }
  try {
    if (lease !== undefined && leaseIn(before, family)?.address !== lease.address) await askLan(context, after, lease);
    await put(context, after);
  } catch (error) {
    await put(context, without);
    throw error;
  }
  return after;
}

/** Where duplicates are asked for, that is done when the address is known; for those that were there with the link it has been done. */
async function askLan({ kernel, ledger }: Context, endpoint: EndpointRecord, { address }: DhcpLease): Promise<void> {
  const { links } = endpointChange(ledger, endpoint).wanted;
  await kernel.apply(links.flatMap((link) => (link.probe === undefined || link.handedOver !== undefined ? [] : [probe({ ...link, probe: [address] })])));
}

function withLease(endpoint: EndpointRecord, family: Family, lease: DhcpLease | undefined): EndpointRecord {
  if (family === 4) {
    const { ipv4, dhcp: { lease: _lease, ...dhcp } = {}, ...rest } = endpoint;
    // A container has the address from its engine, and goes on using it.
    if (lease === undefined && endpoint.sandboxId === undefined && ipv4 !== undefined) return { ...rest, ipv4, dhcp: { ...dhcp, wanted: ipv4.split('/')[0] ?? '' } };
    return lease === undefined ? { ...rest, dhcp } : { ...rest, ipv4: lease.address, dhcp: { ...dhcp, lease } };
  }
  const { ipv6: _address, dhcp: { lease6: _lease, ...dhcp } = {}, ...rest } = endpoint;
  return lease === undefined ? { ...rest, dhcp } : { ...rest, ipv6: lease.address, dhcp: { ...dhcp, lease6: lease } };
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
