/** What Docker plugins are asked before a network of theirs is made: whether they are there, and for its addresses. */
import type { Plugins } from '../../drivers/remote/plugins.ts';
import { remoteDriver } from '../../drivers/remote/remote-driver.ts';
import type { Family } from '../common/address.ts';
import { withoutLength } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { HOST } from '../kernel/op.ts';
import { newId, type Context } from './context.ts';
import { farewellChanges } from './farewells.ts';
import { requireFreeName, type KnownNetwork } from './networks.ts';
import { networkOptions } from './plugin-options.ts';
import { askPools } from './plugin-pools.ts';
import type { FarewellRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';
import type { TakenSubnets } from './subnets.ts';
import { uplinkOf } from './uplink.ts';

/** What is known of a network of plugins before it is made. */
export interface PreparedNetwork extends KnownNetwork {
  readonly needsGateway: (family: Family) => boolean;
}

/** What the plugins of a network are asked by. */
export interface Preparation {
  readonly context: Context;
  readonly plugins: Plugins;
  readonly request: NetworkRequest;
  readonly signal: AbortSignal | undefined;
  /** Has a plugin told what it need not hold any more. */
  readonly takeBack: (farewell: FarewellRecord) => Promise<void>;
}

const NO_SUBNETS: TakenSubnets = { ipv4: [], ipv6: [], warnings: [], undo: () => {} };

/** Whether a Docker plugin has a part in a network. */
export function hasPlugins({ drivers }: Pick<Context, 'drivers'>, { driver = 'bridge', ipam = 'default' }: NetworkRequest): boolean {
  return !drivers.has(driver) || isForeign(ipam);
}

/**
 * Asks the plugins of a network to be.
 * @throws {NetworkError} INVALID, EXISTS (name), NOT_FOUND (plugin), UNSUPPORTED, FORBIDDEN in the plugin's own words, UNAVAILABLE, ABORTED; nothing is held at any plugin then
 */
export async function prepareNetwork(preparation: Preparation): Promise<PreparedNetwork> {
  const { context, request } = preparation;
  requireFreeName(context, request);
  const { driver = 'bridge', ipam = 'default' } = request;
  const isRemote = !context.drivers.has(driver);
  if (ipam === 'null' && !isRemote) throw new NetworkError('INVALID', `--ipam null gives no addresses, and driver ${quote(driver)} has none of its own: leave it out, or use --ipam dhcp`);
  const skip = isRemote ? await askDriver(preparation, driver) : new Set<Family>();
  const needsGateway = (family: Family): boolean => !skip.has(family);
  const base = {
    id: newId(context),
    driver: isRemote ? remoteDriver(driver) : undefined,
    needsGateway,
    fields: { ...(isRemote ? { remote: 'untold' as const } : {}), ...(isForeign(ipam) ? { ipam } : {}) },
  };
  if (!isForeign(ipam)) return { ...base, subnets: undefined, farewell: undefined };
  if (ipam === 'null') return { ...base, subnets: NO_SUBNETS, farewell: undefined };
  return { ...base, ...(await askIpam(preparation, ipam, base)) };
}

function isForeign(ipam: string): boolean {
  return ipam !== 'default' && ipam !== 'dhcp';
}

/** @returns families for which no gateway has to be found */
async function askDriver({ context, plugins, request, signal }: Preparation, name: string): Promise<ReadonlySet<Family>> {
  const { plugin, capabilities, isNew } = await plugins.network(name, { signal }).catch((thrown: unknown) => {
    const error = NetworkError.from(thrown);
    if (error.code !== 'NOT_FOUND') throw error;
    throw new NetworkError('NOT_FOUND', `no driver ${quote(name)}: there are ${[...context.drivers.keys()].join(', ')}, and no Docker plugin of that name in ${plugins.folders}`);
  });
  if (isNew && capabilities.discovers) {
    const address = await uplinkAddress(context);
    // As an engine says it of itself. What the plugin makes of it matters to nobody.
    if (address !== undefined) await plugin.discover(address, { signal }).catch(() => {});
  }
  if (!capabilities.checksGateways) return new Set();
  const { options = {}, internal = false, ipam = 'default', ipv4 = true, subnets = [], ipv6 = subnets.some((subnet) => subnet.includes(':')) } = request;
  return plugin.gatewaysToSkip(networkOptions({ options, internal, ipam, ipv4: ipv4 ? [true] : [], ipv6: ipv6 ? [true] : [] }), { signal });
}

async function askIpam({ context, plugins, request, signal, takeBack }: Preparation, name: string, { id, needsGateway }: Pick<PreparedNetwork, 'id' | 'needsGateway'>): Promise<Pick<PreparedNetwork, 'subnets' | 'farewell'>> {
  const ipam = await plugins.ipam(name, { signal });
  let farewell: FarewellRecord | undefined;
  try {
    const subnets = await askPools({
      ipam,
      request,
      needsGateway,
      signal,
      note: async (held) => {
        farewell = { id, networkId: id, ipam: name, ...held };
        await context.store.commit(farewellChanges([farewell]));
      },
    });
    return { subnets, farewell };
  } catch (error) {
    if (farewell !== undefined) await takeBack(farewell);
    throw error;
  }
}

/** Plain address by which this host is known outside: that of the link with the default route. */
async function uplinkAddress({ kernel }: Context): Promise<string | undefined> {
  const [host] = await kernel.snapshot([HOST]);
  const [address] = (host === undefined ? undefined : uplinkOf(host))?.addresses ?? [];
  return address === undefined ? undefined : withoutLength(address);
}
