import type { HostRecord } from '../cluster/records.ts';
import { parseAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { formatPortBinding } from '../ports/spec.ts';
import type { PortOwner } from '../ports/held-ports.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { ProxyTarget } from '../ports/proxy.ts';
import type { Context } from './context.ts';
import { allotBlocks } from './cluster-networks.ts';
import { liveCable } from './cables.ts';
import { restoreEnginePool } from './engine-pools.ts';
import { restoreAddresses } from './endpoint-addresses.ts';
import { restoredFarewell } from './farewells.ts';
import { openNetwork } from './networks.ts';
import { endpointTarget, sandboxTarget } from './publishing.ts';
import { MEMBERSHIP_KEY, PEERS_KEY, type BlockRecord, type CableRecord, type EndpointRecord, type EngineNetworkRecord, type FarewellRecord, type LeasedAddressRecord, type LoanRecord, type MembershipRecord, type NetworkRecord, type PoolRecord, type SandboxRecord } from './records.ts';
import { restoreSubnets } from './subnets.ts';
import { endpointWayOut, hostFamilies, sandboxWayOut, type WayOut } from './way-out.ts';

/**
 * Reads what is written down into memory: pools, networks, sandboxes, endpoints, and their host ports.
 * @throws {NetworkError} CORRUPT naming the record that makes no sense
 */
export async function restore(context: Context): Promise<void> {
  const { ledger, addresses } = context;
  await each<PoolRecord>(context, 'pool/', (record) => void (record.networkId === undefined && restoreEnginePool(context, record)));
  await each<LeasedAddressRecord>(context, 'lease/', (record) => void ledger.leased.set(record.id, record));
  await each<NetworkRecord>(context, 'network/', (record) => {
    restoreSubnets(record, addresses);
    ledger.networks.set(record.id, openNetwork(context, record));
  });
  await each<PoolRecord>(context, 'pool/', (record) => void (record.networkId !== undefined && restoreEnginePool(context, record)));
  await each<EngineNetworkRecord>(context, 'engine-network/', (record) => void ledger.engineNetworks.set(record.id, record));
  await each<SandboxRecord>(context, 'sandbox/', (record) => void ledger.sandboxes.set(record.id, record));
  await each<EndpointRecord>(context, 'endpoint/', (record) => {
    if (record.sandboxId !== undefined) restoreAddresses(context, record);
    ledger.putEndpoint(record);
    if (record.remote !== undefined && record.remote.joined === undefined) ledger.joining.add(record.id);
  });
  await each<FarewellRecord>(context, 'farewell/', (record) => {
    const left = restoredFarewell(ledger, record);
    if (left !== undefined) ledger.farewells.set(record.id, left);
  });
  await each<BlockRecord>(context, 'block/', (record) => void ledger.blocks.set(record.networkId, [...(ledger.blocks.get(record.networkId) ?? []), record]));
  for (const { record } of ledger.networks.values()) if (record.cluster !== undefined) allotBlocks(addresses, record, ledger.blocks.get(record.id) ?? []);
  const membership = (await context.store.get(MEMBERSHIP_KEY))?.value as MembershipRecord | undefined;
  context.cluster.recall(((await context.store.get(PEERS_KEY))?.value ?? []) as HostRecord[], membership);
  await each<LoanRecord>(context, 'loan/', (record) => {
    addresses.poolOf(parseAddress(record.address))?.requestAddress({ address: parseAddress(record.address), owner: `host ${record.hostId}` });
    ledger.loans.set(record.id, record);
  });
  await each<CableRecord>(context, 'cable/', (record) => void ledger.cables.set(record.id, liveCable(context, record)));
  for (const sandbox of ledger.sandboxes.values()) {
    await takePorts(context, sandbox, sandboxWayOut(ledger, sandbox.id), sandboxTarget(context, sandbox.id));
  }
  for (const endpoint of ledger.endpoints.values()) await takePorts(context, endpoint, endpointWayOut(ledger, endpoint), endpointTarget(context, endpoint.id));
}

/** A port that somebody took while we were away still leads to the endpoint: the rules come first. It is said aloud. */
async function takePorts(context: Context, { id, name, ports }: PortOwner & { readonly ports: readonly ReservedPort[] }, way: WayOut, target: ProxyTarget): Promise<void> {
  const { hostPorts, lostPorts, events } = context;
  const owner: PortOwner = { id, name };
  const bindings = ports.filter(({ hostPort }) => hostPort > 0).map((port) => ({ ...port, families: hostFamilies(port, way) }));
  try {
    await hostPorts.reserve(owner, bindings, target);
  } catch {
    // One is in the way of all: which one is found out one by one.
    for (const binding of bindings) {
      try {
        await hostPorts.reserve(owner, [binding], target, { keep: true });
      } catch (error) {
        const message = `port ${formatPortBinding(binding)} of '${name}' could not be taken again: ${NetworkError.from(error).message}`;
        lostPorts.set(`${id} ${formatPortBinding(binding)}`, message);
        events.warn(message);
      }
    }
  }
}

async function each<T extends { readonly id: string; readonly created?: string }>(context: Context, prefix: string, take: (record: T) => void): Promise<void> {
  const { entries } = await context.store.list(prefix);
  const records = entries.map(({ value }) => value as T).toSorted((a, b) => ((a.created ?? '') < (b.created ?? '') ? -1 : 1));
  for (const record of records) {
    try {
      take(record);
    } catch (error) {
      const { message } = NetworkError.from(error);
      throw new NetworkError('CORRUPT', `stored record ${prefix}${record.id} makes no sense: ${message}; move the state folder away to start fresh`, { cause: error });
    }
  }
}
