/** From what a request says about addresses to the subnets of a network, with their pools taken. */
import { PARENT_ADDRESS } from '../../drivers/driver.ts';
import { canonicalAddress, formatAddress, parseAddress, withoutLength, type Family } from '../common/address.ts';
import { contains, containsCidr, formatCidr, parseCidr, parseInterfaceAddress, type Cidr } from '../common/cidr.ts';
import { cidrFromUser } from '../common/cidr-from-user.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { AddressSpace, HostRoutes } from '../ipam/address-space.ts';
import type { Pool } from '../ipam/pool.ts';
import { GATEWAY_OWNER, type NetworkRecord, type SubnetRecord } from './records.ts';
import type { NetworkRequest } from './requests.ts';

/** Where a network's addresses come from. */
export interface SubnetSurroundings {
  readonly space: AddressSpace;
  readonly routes: HostRoutes;
  /** Addresses (CIDR) of the existing bridge that the network will use; empty where there is none. */
  readonly bridgeAddresses: readonly string[];
  /** The subnets are those of a LAN that is there already, on which the host has these addresses (CIDR). */
  readonly lan?: {
    readonly parentAddresses: readonly string[];
    /** Whether a gateway is chosen where none is given. Default: none is. */
    readonly needsGateway?: (family: Family) => boolean;
  };
  /** Id of the engine's own pool of exactly this CIDR, which gives the addresses then. */
  readonly poolOf: (subnet: string) => string | undefined;
}

/** The subnets of a new network; `undo` gives everything back. */
export interface TakenSubnets {
  readonly ipv4: readonly SubnetRecord[];
  readonly ipv6: readonly SubnetRecord[];
  readonly warnings: readonly string[];
  readonly undo: () => void;
}

interface Wish {
  readonly family: Family;
  readonly subnet: Cidr | undefined;
}

/**
 * Takes a pool for each subnet of the request, and one of each family that it wants without
 * naming a subnet.
 * @throws {NetworkError} INVALID, IN_USE, FORBIDDEN, EXHAUSTED; nothing is taken then
 */
export function takeSubnets(request: NetworkRequest, { space, routes, bridgeAddresses, lan, poolOf }: SubnetSurroundings): TakenSubnets {
  const owner = `network '${request.name}'`;
  const taken: Pool[] = [];
  const undo = (): void => taken.forEach((pool) => space.releasePool(pool));
  try {
    const wishes = wishesOf(request, bridgeAddresses);
    const rest: Rest = { ranges: [...(request.ranges ?? [])], gateways: [...(request.gateways ?? [])], auxiliary: Object.entries(request.auxiliary ?? {}) };
    const warnings: string[] = [];
    const adopt = bridgeAddresses.map((address) => parseInterfaceAddress(address).network);
    const records = wishes.map((wish) => {
      const poolId = request.owner === 'engine' && wish.subnet !== undefined ? poolOf(formatCidr(wish.subnet)) : undefined;
      if (poolId !== undefined && wish.subnet !== undefined) return { family: wish.family, record: ofEngine(wish.subnet, poolId, rest) };
      const range = takeOne(rest.ranges, (text) => wish.subnet !== undefined && containsCidr(wish.subnet, cidrFromUser(text)));
      const grant = space.requestPool({
        family: wish.family,
        owner,
        // The host reaches its own LAN directly, and another one may have the same addresses.
        ...(lan !== undefined && wish.subnet !== undefined ? {} : { avoid: routes }),
        adopt,
        ...(wish.subnet === undefined ? {} : { subnet: wish.subnet }),
        ...(range === undefined ? {} : { range: cidrFromUser(range) }),
      });
      taken.push(grant.pool);
      warnings.push(...grant.warnings);
      const { gateway = ownAddress(bridgeAddresses, grant.pool.subnet), auxiliary } = pickInside(rest, grant.pool.subnet);
      if (lan !== undefined) reserveParent(auxiliary, gateway, lan.parentAddresses, grant.pool.subnet);
      return { family: wish.family, record: fill(grant.pool, gateway, auxiliary, range, request.owner !== 'engine' && (lan === undefined || lan.needsGateway?.(wish.family) === true)) };
    });
    refuseRest('range', rest.ranges);
    refuseRest('gateway', rest.gateways);
    refuseRest('auxiliary address', rest.auxiliary.map(([, text]) => text));
    const of = (family: Family): SubnetRecord[] => records.filter((entry) => entry.family === family).map(({ record }) => record);
    return { ipv4: of(4), ipv6: of(6), warnings, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

/** Takes the pools of a network that is known from before, with gateway and auxiliary addresses. */
export function restoreSubnets(record: NetworkRecord, space: AddressSpace): void {
  for (const subnet of [...record.ipv4, ...record.ipv6]) {
    if (subnet.poolId !== undefined) continue;
    const cidr = parseCidr(subnet.subnet);
    const range = subnet.range === undefined ? {} : { range: parseCidr(subnet.range) };
    const { pool } = space.requestPool({ family: cidr.family, owner: `network '${record.name}'`, subnet: cidr, ...range });
    if (subnet.gateway !== undefined) pool.requestAddress({ address: parseAddress(subnet.gateway), owner: GATEWAY_OWNER });
    reserveAuxiliary(pool, Object.entries(subnet.auxiliary), subnet.gateway);
  }
}

/** What the request says about subnets in general and no subnet has claimed yet. */
interface Rest {
  readonly ranges: string[];
  readonly gateways: string[];
  auxiliary: [string, string][];
}

function pickInside(rest: Rest, subnet: Cidr): { gateway?: string; auxiliary: [string, string][] } {
  const inside = (text: string): boolean => contains(subnet, parseAddress(text));
  const gateway = takeOne(rest.gateways, inside);
  const auxiliary = rest.auxiliary.filter(([, text]) => inside(text));
  rest.auxiliary = rest.auxiliary.filter(([, text]) => !inside(text));
  return { auxiliary, ...(gateway === undefined ? {} : { gateway }) };
}

function ofEngine(subnet: Cidr, poolId: string, rest: Rest): SubnetRecord {
  const { gateway, auxiliary } = pickInside(rest, subnet);
  return {
    subnet: formatCidr(subnet),
    poolId,
    auxiliary: Object.fromEntries(auxiliary.map(([name, text]) => [name, canonicalAddress(text)])),
    ...(gateway === undefined ? {} : { gateway: canonicalAddress(gateway) }),
  };
}

function wishesOf(request: NetworkRequest, bridgeAddresses: readonly string[]): Wish[] {
  const named = (request.subnets ?? []).map(cidrFromUser).map((subnet): Wish => ({ family: subnet.family, subnet }));
  const wants = { 4: request.ipv4 ?? true, 6: request.ipv6 ?? named.some(({ family }) => family === 6) };
  for (const { family, subnet } of named) {
    if (!wants[family]) throw new NetworkError('INVALID', `subnet ${subnet === undefined ? '' : formatCidr(subnet)} is IPv${family}, which this network does without`);
  }
  const automatic = ([4, 6] as const).filter((family) => wants[family] && request.owner !== 'engine' && named.every((wish) => wish.family !== family));
  return [...named, ...automatic.map((family): Wish => ({ family, subnet: ownSubnet(bridgeAddresses, family) }))];
}

/** A network on an existing bridge takes over that bridge's own subnet. */
function ownSubnet(bridgeAddresses: readonly string[], family: Family): Cidr | undefined {
  return bridgeAddresses.map((text) => parseInterfaceAddress(text).network).find((network) => network.family === family);
}

function ownAddress(bridgeAddresses: readonly string[], subnet: Cidr): string | undefined {
  return ownAddresses(bridgeAddresses, subnet)[0];
}

function ownAddresses(addresses: readonly string[], subnet: Cidr): string[] {
  return addresses.map(withoutLength).filter((text) => contains(subnet, parseAddress(text)));
}

function fill(pool: Pool, gatewayText: string | undefined, auxiliary: readonly (readonly [string, string])[], range: string | undefined, makesGateway: boolean): SubnetRecord {
  const gateway = gatewayText === undefined ? undefined : canonicalAddress(gatewayText);
  if (gateway !== undefined) pool.requestAddress({ address: parseAddress(gateway), owner: GATEWAY_OWNER });
  const reserved = reserveAuxiliary(pool, auxiliary, gateway);
  const chosen = gateway ?? (makesGateway ? firstFree(pool) : undefined);
  return {
    subnet: formatCidr(pool.subnet),
    auxiliary: reserved,
    ...(range === undefined ? {} : { range: formatCidr(cidrFromUser(range)) }),
    ...(chosen === undefined ? {} : { gateway: chosen }),
  };
}

/** The addresses of the host itself are nobody else's. */
function reserveParent(auxiliary: [string, string][], gateway: string | undefined, addresses: readonly string[], subnet: Cidr): void {
  const taken = new Set([gateway, ...auxiliary.map(([, address]) => address)].flatMap((text) => (text === undefined ? [] : [canonicalAddress(text)])));
  const names = new Set(auxiliary.map(([name]) => name));
  for (const text of ownAddresses(addresses, subnet)) {
    if (taken.has(text)) continue;
    const name = names.has(PARENT_ADDRESS) ? `${PARENT_ADDRESS}-${text}` : PARENT_ADDRESS;
    names.add(name);
    auxiliary.push([name, text]);
  }
}

/** The gateway is the first address of the subnet, also when endpoints get theirs from a range. */
function firstFree(pool: Pool): string {
  const { subnet } = pool;
  const offset = pool.counts.size === 1n << BigInt((subnet.family === 4 ? 32 : 128) - subnet.prefix) ? 0n : 1n;
  for (let value = subnet.base + offset; ; value += 1n) {
    const address = { family: subnet.family, value };
    if (pool.ownerOf(address) === undefined) {
      return formatAddress(pool.requestAddress({ address, owner: GATEWAY_OWNER }));
    }
  }
}

function reserveAuxiliary(pool: Pool, auxiliary: readonly (readonly [string, string])[], gateway: string | undefined): Record<string, string> {
  return Object.fromEntries(
    auxiliary.map(([name, text]) => {
      const address = canonicalAddress(text);
      if (address !== gateway) pool.requestAddress({ address: parseAddress(address), owner: `auxiliary address ${quote(name)}` });
      return [name, address];
    }),
  );
}

function takeOne(list: string[], matches: (text: string) => boolean): string | undefined {
  const index = list.findIndex(matches);
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

function refuseRest(what: string, rest: readonly string[]): void {
  const [first] = rest;
  if (first !== undefined) throw new NetworkError('INVALID', `${what} ${quote(first)} lies in none of the network's subnets (or a second one lies in the same): name its subnet too`);
}
