import { NetworkError } from '../common/error.ts';
import { HOST, type Op } from '../kernel/op.ts';
import type { Change } from './applier.ts';
import { cableChange } from './cable-state.ts';
import type { Context } from './context.ts';
import type { EndpointRecord, NetworkRecord } from './records.ts';
import { sendersOf, tunnelChange } from './tunnels.ts';
import { allChanges, endpointChange, networkChange } from './wanted.ts';

/**
 * Everything at once; if that fails, network by network, and in one that fails endpoint by endpoint:
 * what cannot be made (a bridge is gone, another link has the name) leaves the rest up. It is made
 * when its links come back.
 * @returns the operations that were needed for the links
 * @throws {NetworkError} KERNEL when the packet filter cannot be put in place
 */
export async function convergeAll(context: Context): Promise<readonly Op[]> {
  const { applier, ledger, names, events } = context;
  try {
    const changes = allChanges(ledger);
    return await applier.converge([...changes, tunnelChange(sendersOf(context), changes.flatMap(({ wanted }) => wanted.links)), ...names.changes()]);
  } catch {
    // One that fails for all is no matter of a network.
    await applier.rebuildFirewall();
    const ops: Op[] = [];
    for (const { record } of ledger.networks.values()) ops.push(...(await convergeNetwork(context, record)));
    for (const cable of ledger.cables.values()) {
      const failed = (error: unknown): void => events.warn(`link '${cable.record.name}' is down: ${NetworkError.from(error).message}`);
      ops.push(...(await applier.converge([cableChange(ledger, cable)]).catch((error: unknown) => (failed(error), []))));
    }
    for (const change of names.changes()) await applier.converge([change]).catch((error: unknown) => events.warn(NetworkError.from(error).message));
    return ops;
  }
}

async function convergeNetwork(context: Context, { id, name }: NetworkRecord): Promise<readonly Op[]> {
  const { applier, events, ledger } = context;
  const endpoints = ledger.endpointsOfNetwork(id);
  const change = (endpoint: EndpointRecord): Change => endpointChange(ledger, endpoint);
  try {
    return await applier.converge([networkChange(ledger, id), ...endpoints.map(change)]);
  } catch (whole) {
    const ops: Op[] = [];
    const [gone] = await goneLinks(context, id);
    try {
      ops.push(...(await applier.converge([networkChange(ledger, id)])));
      if (gone !== undefined) throw whole;
    } catch {
      events.warn(`network '${name}' is down: ${gone ?? NetworkError.from(whole).message}`);
      return ops;
    }
    for (const endpoint of endpoints) {
      try {
        ops.push(...(await applier.converge([change(endpoint)])));
      } catch (error) {
        events.warn(`'${endpoint.name}' is not connected to network '${name}': ${NetworkError.from(error).message}`);
      }
    }
    return ops;
  }
}

/** Links that networks use, did not make and miss now, a sentence each. */
export async function goneLinks({ kernel, ledger }: Context, networkId?: string): Promise<string[]> {
  const used = [...ledger.networks.values()].flatMap(({ record, driver }) =>
    networkId !== undefined && record.id !== networkId ? [] : driver.wanted().links.filter(({ label }) => label === undefined).map(({ name, type }) => ({ name, type, network: record.name })),
  );
  if (used.length === 0) return [];
  const [host] = await kernel.snapshot([HOST]);
  return used
    .filter(({ name }) => host?.links.every((link) => link.name !== name) === true)
    .map(({ name, type, network }) =>
      type === 'bridge'
        ? `bridge '${name}' of network '${network}' is gone, and is not ours to make: bring it back ('ip link add ${name} type bridge'), or remove the network`
        : `parent '${name}' of network '${network}' is gone, and is not ours to make: its endpoints come back when it does, by that name; or remove the network`,
    );
}
