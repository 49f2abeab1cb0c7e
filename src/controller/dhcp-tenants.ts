import type { Family } from '../common/address.ts';
import { quote } from '../common/quote.ts';
import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import type { LeaseStep } from '../ipam/dhcp/speaker.ts';
import type { Context } from './context.ts';
import { leaseIn, takeLease } from './dhcp-lease.ts';
import { takeAddressLease } from './leased-addresses.ts';
import { openAddressSession, openEndpointSession, type AnySession } from './open-session.ts';
import type { EndpointRecord, LeasedAddressRecord } from './records.ts';

/** Somebody whose address a server of the LAN lends. */
export interface DhcpTenant {
  /** Of the record that the lease is in. */
  readonly id: string;
  readonly family: Family;
  /** Whom the address is for, and where: `eth0 on network 'lan'`. */
  readonly description: string;
  /** How long its user wants to wait for the first one, ms. */
  readonly patience: number | undefined;
  /** Plain address; no other one is taken. */
  readonly wanted: string | undefined;
  /** It cannot move: once it has an address, it wants that one again. */
  readonly stays: boolean;
  /** What is written down. */
  lease(): DhcpLease | undefined;
  /** The client that speaks for it; undefined where there can be none. */
  open(heed: (step: LeaseStep) => void): AnySession | undefined;
  /**
   * Writes a lease down, or that there is none any more, and makes it true.
   * @returns what to call it; undefined when it is gone
   * @throws {NetworkError} KERNEL, INVALID for an address that it cannot have, IN_USE for one that somebody else has
   */
  take(lease: DhcpLease | undefined): Promise<{ readonly name: string; readonly network: string } | undefined>;
}

/** Everybody who is to have a lease: endpoints of networks by DHCP, and addresses that an engine holds. */
export function dhcpTenants(context: Context): DhcpTenant[] {
  const { ledger } = context;
  const endpoints = [...ledger.networks.values()].flatMap(({ record: { id, dhcp } }) => {
    if (dhcp === undefined) return [];
    return ledger.endpointsOfNetwork(id).flatMap((endpoint) => dhcp.map((family) => endpointTenant(context, endpoint, family)));
  });
  return [...endpoints, ...[...ledger.leased.values()].map((leased) => addressTenant(context, leased))];
}

function endpointTenant(context: Context, endpoint: EndpointRecord, family: Family): DhcpTenant {
  const { ledger } = context;
  const { id, attachment, networkId, dhcp } = endpoint;
  const network = ledger.network(networkId).record;
  return {
    id,
    family,
    description: `${attachment?.interface ?? 'a container'} on network ${quote(network.name)}`,
    patience: network.dhcpPatience,
    wanted: dhcp?.wanted,
    stays: endpoint.sandboxId === undefined,
    lease() {
      const now = ledger.endpoints.get(id);
      return now === undefined ? undefined : leaseIn(now, family);
    },
    open: (heed) => openEndpointSession(context, endpoint, family, heed),
    async take(lease) {
      const after = await takeLease(context, id, family, lease);
      return after === undefined ? undefined : { name: after.name, network: ledger.network(after.networkId).record.name };
    },
  };
}

function addressTenant(context: Context, leased: LeasedAddressRecord): DhcpTenant {
  const { ledger } = context;
  const { id, poolId, address, container, mac } = leased;
  const pool = ledger.pools.get(poolId);
  const name = container ?? mac;
  return {
    id,
    family: 4,
    description: `${container === undefined ? `the container with MAC address ${mac}` : `container ${quote(container)}`} on ${quote(pool?.parent ?? '')}`,
    patience: pool?.patience,
    wanted: address,
    stays: true,
    lease: () => ledger.leased.get(id)?.lease,
    open: (heed) => (pool?.parent === undefined ? undefined : openAddressSession(context, leased, pool.parent, heed)),
    take: async (lease) => ((await takeAddressLease(context, id, lease)) ? { name, network: ledger.networkOfPool(poolId)?.name ?? pool?.subnet ?? '' } : undefined),
  };
}
