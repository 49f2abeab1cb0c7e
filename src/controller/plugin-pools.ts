/** Subnets of a network whose addresses a Docker plugin gives. */
import type { ActiveIpamPlugin } from '../../drivers/remote/plugins.ts';
import { canonicalAddress, parseAddress, withoutLength, type Family } from '../common/address.ts';
import { contains, containsCidr, formatCidr, parseCidr, type Cidr } from '../common/cidr.ts';
import { cidrFromUser } from '../common/cidr-from-user.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { checkSubnet } from '../ipam/pool-rules.ts';
import { ownPoolId } from './plugin-options.ts';
import type { FarewellRecord, SubnetRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';
import type { TakenSubnets } from './subnets.ts';

/** No engine looks, but no packet would arrive. */
function requireUsable(plugin: string, subnet: string, family: Family): void {
  try {
    checkSubnet(parseCidr(subnet), family);
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', `plugin ${quote(plugin)} answered IpamDriver.RequestPool with what no network can have: ${NetworkError.from(error).message}`, { cause: error });
  }
}

/** What pools are asked by. */
export interface PoolQuestions {
  readonly ipam: ActiveIpamPlugin;
  readonly request: NetworkRequest;
  readonly needsGateway: (family: Family) => boolean;
  readonly signal: AbortSignal | undefined;
  /** Writes down what is held at the plugin by now: a crash leaves it there otherwise. */
  readonly note: (held: Pick<FarewellRecord, 'addresses' | 'pools'>) => Promise<void>;
}

interface Wish {
  readonly family: Family;
  readonly subnet: Cidr | undefined;
}

/**
 * Asks for a pool of each subnet of the request, of each family that it wants without naming one, and for
 * gateways and auxiliary addresses in them.
 * @throws {NetworkError} INVALID, FORBIDDEN in the plugin's own words, UNAVAILABLE, ABORTED; what is held by then was noted
 */
export async function askPools(questions: PoolQuestions): Promise<TakenSubnets> {
  const { request } = questions;
  const held: { addresses: FarewellRecord['addresses']; pools: readonly string[] } = { addresses: [], pools: [] };
  const taken: { readonly family: Family; readonly record: SubnetRecord }[] = [];
  for (const wish of wishesOf(request)) taken.push({ family: wish.family, record: await askPool(questions, wish, held) });
  const missed = [...(request.gateways ?? []), ...Object.values(request.auxiliary ?? {})].find((text) => taken.every(({ record }) => !isInside(record.subnet, text)));
  if (missed !== undefined) throw new NetworkError('INVALID', `address ${quote(missed)} lies in none of the network's subnets (${taken.map(({ record }) => record.subnet).join(', ')})`);
  const of = (family: Family): SubnetRecord[] => taken.filter((one) => one.family === family).map(({ record }) => record);
  return { ipv4: of(4), ipv6: of(6), warnings: [], undo: () => {} };
}

async function askPool({ ipam, request, needsGateway, signal, note }: PoolQuestions, { family, subnet }: Wish, held: { addresses: FarewellRecord['addresses']; pools: readonly string[] }): Promise<SubnetRecord> {
  const { plugin, addressSpace } = ipam;
  const range = request.ranges?.map(cidrFromUser).find((one) => subnet !== undefined && containsCidr(subnet, one));
  const rangeText = range === undefined ? undefined : formatCidr(range);
  const pool = await plugin.requestPool({ addressSpace, subnet: subnet === undefined ? undefined : formatCidr(subnet), range: rangeText, options: request.ipamOptions ?? {}, ipv6: family === 6 }, { signal });
  held.pools = [...held.pools, pool.id];
  await note(held);
  requireUsable(plugin.name, pool.subnet, family);
  const take = async (asked: Promise<string>): Promise<string> => {
    const address = withoutLength(await asked);
    held.addresses = [...held.addresses, { poolId: pool.id, address }];
    await note(held);
    return address;
  };
  const wanted = request.gateways?.find((text) => isInside(pool.subnet, text));
  const asksGateway = pool.gateway === undefined && (wanted !== undefined || needsGateway(family));
  const gateway = asksGateway ? await take(plugin.requestGateway(pool.id, wanted === undefined ? undefined : canonicalAddress(wanted), { signal })) : pool.gateway;
  const auxiliary: Record<string, string> = {};
  for (const [name, text] of Object.entries(request.auxiliary ?? {})) {
    if (isInside(pool.subnet, text)) auxiliary[name] = await take(plugin.requestAuxiliary(pool.id, canonicalAddress(text), { signal }));
  }
  return { subnet: pool.subnet, poolId: ownPoolId(plugin.name, pool.id), auxiliary, ...(rangeText === undefined ? {} : { range: rangeText }), ...(gateway === undefined ? {} : { gateway: withoutLength(gateway) }) };
}

function wishesOf({ subnets = [], ipv4 = true, ipv6 }: NetworkRequest): Wish[] {
  const named = subnets.map(cidrFromUser).map((subnet): Wish => ({ family: subnet.family, subnet }));
  const wants = { 4: ipv4, 6: ipv6 ?? named.some(({ family }) => family === 6) };
  const unwanted = named.find(({ family }) => !wants[family]);
  if (unwanted?.subnet !== undefined) throw new NetworkError('INVALID', `subnet ${formatCidr(unwanted.subnet)} is IPv${unwanted.family}, which this network does without`);
  for (const { subnet, family } of named) if (subnet !== undefined) checkSubnet(subnet, family);
  const any = ([4, 6] as const).filter((family) => wants[family] && named.every((wish) => wish.family !== family));
  return [...named, ...any.map((family): Wish => ({ family, subnet: undefined }))];
}

function isInside(subnet: string, address: string): boolean {
  return contains(parseCidr(subnet), parseAddress(address));
}
