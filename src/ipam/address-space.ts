import { bitsOf } from '../common/address.ts';
import type { Address, Family } from '../common/address.ts';
import { contains, containsCidr, formatCidr, overlaps, sameCidr } from '../common/cidr.ts';
import type { Cidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import type { DefaultPool } from './default-pools.ts';
import { freeSubnet } from './free-subnet.ts';
import { checkRange, checkSubnet } from './pool-rules.ts';
import { Pool } from './pool.ts';
import type { PoolTiming } from './pool.ts';

const LINK_LOCAL: Cidr = { family: 6, base: 0xfe80n << 112n, prefix: 10 };

/** Destinations that the host reaches without us. Default routes and IPv6 link-local ones do not count. */
export interface HostRoutes {
  /** Reached directly through an interface: nothing of ours may overlap them. */
  readonly onLink: readonly Cidr[];
  /** What another host of the cluster reaches so, for a network that is to be there too. */
  readonly elsewhere?: readonly Cidr[];
  /** Reached through a gateway: overlapping them is only worth a warning. */
  readonly wider: readonly Cidr[];
}

/** A subnet that somebody wants. */
export interface PoolRequest {
  readonly family: Family;
  /** Who will have it, for messages: a network's name. */
  readonly owner: string;
  /** This one. `0.0.0.0/N` and `::/N` ask for any free one of length N instead; absent: any free default one. */
  readonly subnet?: Cidr;
  /** Automatic addresses come from this part of the subnet only. */
  readonly range?: Cidr;
  /** What to stay clear of; left out when a known network is restored. */
  readonly avoid?: HostRoutes;
  /** Subnets of the existing bridge that the network adopts: their own on-link routes are no obstacle. */
  readonly adopt?: readonly Cidr[];
}

/** A pool, and what its owner should be told. */
export interface PoolGrant {
  readonly pool: Pool;
  /** One line each. */
  readonly warnings: readonly string[];
}

/** All the subnets of one host, none overlapping another. In memory only, like {@link Pool}. */
export class AddressSpace {
  readonly #defaults: readonly DefaultPool[];
  readonly #timing: PoolTiming;
  readonly #pools = new Map<string, Pool>();

  constructor(defaults: readonly DefaultPool[], timing: PoolTiming = {}) {
    this.#defaults = defaults;
    this.#timing = timing;
  }

  /**
   * Makes a pool of the subnet asked for, or of the first free one. Where it can choose, it stays
   * clear of wider host routes too, as long as that leaves something to choose.
   *
   * @throws {NetworkError} INVALID for a subnet or range that makes no sense, IN_USE when it
   * overlaps another pool, FORBIDDEN when it overlaps an on-link route of the host, EXHAUSTED
   */
  requestPool(request: PoolRequest): PoolGrant {
    const { subnet, range } = request;
    const named = subnet !== undefined && subnet.base !== 0n;
    const chosen = named ? this.#named(subnet, request) : this.#free(subnet?.prefix, request);
    if (range !== undefined) checkRange(range, chosen);
    const pool = new Pool({ subnet: chosen, owner: request.owner, ...(range === undefined ? {} : { range }) }, this.#timing);
    this.#pools.set(formatCidr(chosen), pool);
    return { pool, warnings: warningsOf(chosen, request) };
  }

  /** Forgets a pool and all its addresses; nothing to do when it is not here any more. */
  releasePool(pool: Pool): void {
    const key = formatCidr(pool.subnet);
    if (this.#pools.get(key) === pool) this.#pools.delete(key);
  }

  /** All pools, the oldest first. */
  pools(): Pool[] {
    return [...this.#pools.values()];
  }

  /** The pool of exactly this subnet. */
  pool(subnet: Cidr): Pool | undefined {
    return this.#pools.get(formatCidr(subnet));
  }

  /** The pool in whose subnet an address lies. */
  poolOf(address: Address): Pool | undefined {
    return this.pools().find((pool) => contains(pool.subnet, address));
  }

  #named(subnet: Cidr, request: PoolRequest): Cidr {
    checkSubnet(subnet, request.family);
    const other = this.pools().find((pool) => overlaps(pool.subnet, subnet));
    if (other !== undefined) {
      const text = formatCidr(other.subnet);
      throw new NetworkError('IN_USE', `subnet ${formatCidr(subnet)} overlaps ${text} of ${other.owner}; choose another, or none to get a free one`);
    }
    const route = obstacles(request).find((one) => overlaps(one, subnet));
    if (route !== undefined) {
      const who = request.avoid?.onLink.includes(route) === true ? 'this host' : 'another host of the cluster';
      throw new NetworkError('FORBIDDEN', `subnet ${formatCidr(subnet)} overlaps ${formatCidr(route)}, which ${who} reaches directly; choose another, or none to get a free one`);
    }
    return subnet;
  }

  #free(size: number | undefined, request: PoolRequest): Cidr {
    const { family } = request;
    if (size !== undefined && (size < 1 || size > bitsOf(family))) {
      throw new NetworkError('INVALID', `a subnet of prefix length ${size} cannot be chosen: name one, or leave it out to get a free one`);
    }
    const taken = [...this.pools().map((pool) => pool.subnet), ...obstacles(request)];
    const chosen = this.#first(family, size, [...taken, ...gatewayRoutes(request)]) ?? this.#first(family, size, taken);
    if (chosen !== undefined) return chosen;
    const what = size === undefined ? `IPv${family} subnet` : `IPv${family} subnet of prefix length ${size}`;
    throw new NetworkError('EXHAUSTED', `no free ${what} is left in the default pools: name one, as in --subnet ${family === 4 ? '10.100.0.0/24' : 'fd00:100::/64'}, or remove an unused network`);
  }

  #first(family: Family, size: number | undefined, taken: readonly Cidr[]): Cidr | undefined {
    for (const { base, size: usual } of this.#defaults) {
      if (base.family !== family) continue;
      const subnet = freeSubnet(base, size ?? usual, taken);
      if (subnet !== undefined) return subnet;
    }
    return undefined;
  }
}

/** On-link routes in the way. That of an adopted bridge is what the network is to have. */
function obstacles({ avoid, adopt = [] }: PoolRequest): Cidr[] {
  return [...(avoid?.onLink ?? []), ...(avoid?.elsewhere ?? [])].filter((route) => counts(route) && !adopt.some((own) => sameCidr(own, route)));
}

function gatewayRoutes({ avoid }: PoolRequest): Cidr[] {
  return (avoid?.wider ?? []).filter(counts);
}

/** Not default routes, also when halved as VPN clients do, nor the fe80::/64 that every link has. */
function counts(route: Cidr): boolean {
  return route.prefix > 1 && !(route.family === 6 && containsCidr(LINK_LOCAL, route));
}

function warningsOf(subnet: Cidr, request: PoolRequest): string[] {
  return gatewayRoutes(request)
    .filter((route) => overlaps(route, subnet))
    .map((route) => {
      const shared = formatCidr(route.prefix > subnet.prefix ? route : subnet);
      const winner = route.prefix > subnet.prefix ? 'by that route' : 'on this network';
      return `subnet ${formatCidr(subnet)} overlaps the host's route to ${formatCidr(route)}: ${shared} will be reached ${winner} only`;
    });
}
