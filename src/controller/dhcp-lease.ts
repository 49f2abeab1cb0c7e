import type { Family } from '../common/address.ts';
import { withoutLength } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import { changeEndpoint } from './change-endpoint.ts';
import type { Context } from './context.ts';
import { probe } from './plan.ts';
import type { EndpointRecord } from './records.ts';
import { plainAddresses } from './services.ts';
import { endpointChange } from './wanted.ts';

/** The lease of an endpoint in one family. */
export function leaseIn({ dhcp }: EndpointRecord, family: Family): DhcpLease | undefined {
  return family === 4 ? dhcp?.lease : dhcp?.lease6;
}

/**
 * Writes a lease down, or that there is none any more, and makes it true. Nothing to do for an endpoint that is gone.
 * @throws {NetworkError} KERNEL, INVALID for an address that a container cannot move to, or IN_USE when somebody on the link, or the host, has the address: the endpoint has none then
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
    if (lease !== undefined && leaseIn(before, family)?.address !== lease.address) {
      checkOwn(context, after, lease);
      await askLan(context, after, lease);
    }
    await changeEndpoint(context, after);
  } catch (error) {
    await changeEndpoint(context, without);
    throw error;
  }
  return after;
}

/**
 * A server that lends an address twice, or that of the host: what is ours needs no asking on the LAN.
 * One client asking again (a container whose engine was killed) is known by its MAC address.
 */
function checkOwn({ ledger }: Context, { id, mac, networkId }: EndpointRecord, { address, server }: DhcpLease): void {
  const own = withoutLength(address);
  const { driver } = ledger.network(networkId);
  const refuse = (who: string): never => {
    throw new NetworkError('IN_USE', `DHCP server ${server} gives ${own}, which ${who} has already`);
  };
  if (driver.naming().hostAddresses.includes(own)) refuse('the host');
  for (const other of ledger.endpoints.values()) {
    if (other.id === id || (mac !== '' && other.mac === mac)) continue;
    if (!plainAddresses(other).includes(own)) continue;
    const { record, driver: its } = ledger.network(other.networkId);
    if (its.lanLink === driver.lanLink) refuse(`${other.name} on network ${quote(record.name)}`);
  }
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
    if (lease === undefined && endpoint.sandboxId === undefined && ipv4 !== undefined) return { ...rest, ipv4, dhcp: { ...dhcp, wanted: withoutLength(ipv4) } };
    return lease === undefined ? { ...rest, dhcp } : { ...rest, ipv4: lease.address, dhcp: { ...dhcp, lease } };
  }
  const { ipv6: _address, dhcp: { lease6: _lease, ...dhcp } = {}, ...rest } = endpoint;
  return lease === undefined ? { ...rest, dhcp } : { ...rest, ipv6: lease.address, dhcp: { ...dhcp, lease6: lease } };
}
