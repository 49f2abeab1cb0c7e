import { bitsOf, formatAddress } from '../common/address.ts';
import type { Address } from '../common/address.ts';
import { contains, firstOf, formatCidr, lastOf, sizeOf } from '../common/cidr.ts';
import type { Cidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { LowestFree } from './lowest-free.ts';
import { Quarantine } from './quarantine.ts';

/** How a pool tells the time. */
export interface PoolTiming {
  /** Milliseconds that never run backwards. Default: `performance.now`. */
  readonly now?: () => number;
  /** How long a freed address is held back from automatic choice, in ms. Default 30 000. */
  readonly quarantine?: number;
}

/** What a pool is made of. */
export interface PoolSpec {
  readonly subnet: Cidr;
  /** Automatic choice stays inside it (`--ip-range`); it lies inside the subnet. */
  readonly range?: Cidr;
  /** Who has the pool, for messages: a network's name. */
  readonly owner: string;
}

/** How full a pool is. A freed address in quarantine counts as free. */
export interface PoolCounts {
  /** Addresses that can be given at all: without network and broadcast address. */
  readonly size: bigint;
  readonly used: bigint;
  readonly free: bigint;
  /** Of the free ones, those that automatic choice may take. */
  readonly automatic: bigint;
}

/** Inclusive. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly choice: LowestFree;
}

/** Docker hands a freed address to the next caller at once; its peers' ARP and DNS caches still know the old owner (moby#26284). */
const QUARANTINE = 30_000;

/**
 * The addresses of one subnet. It lives in memory only: whoever owns it writes its addresses
 * down and requests them by name after a restart.
 */
export class Pool {
  readonly subnet: Cidr;
  readonly range: Cidr | undefined;
  readonly owner: string;
  readonly #owners = new Map<bigint, string>();
  readonly #quarantine: Quarantine;
  /** Where automatic choice looks, one after the other. */
  #ranges: readonly Range[];
  #usedInRange = 0n;

  constructor(spec: PoolSpec, timing: PoolTiming = {}) {
    this.subnet = spec.subnet;
    this.range = spec.range;
    this.owner = spec.owner;
    this.#quarantine = new Quarantine(timing.quarantine ?? QUARANTINE, timing.now ?? ((): number => performance.now()));
    this.#ranges = [this.#range(spec.range ?? spec.subnet)];
  }

  /** Automatic choice stays inside these parts of the subnet from now on; what was given out stays given. */
  allot(blocks: readonly Cidr[]): void {
    const before = new Map(this.#ranges.map((range) => [`${range.first} ${range.last}`, range]));
    this.#ranges = blocks.map((block) => {
      const range = this.#range(block);
      return before.get(`${range.first} ${range.last}`) ?? range;
    });
    this.#quarantine.keep((value) => this.#isAutomatic(value));
    this.#usedInRange = BigInt([...this.#owners.keys()].filter((value) => this.#isAutomatic(value)).length);
  }

  /**
   * Takes an address: the one asked for, or the lowest free one of the range. A freed address is
   * passed over for a while, unless it is asked for or no other is left (then the one freed first).
   *
   * @throws {NetworkError} INVALID outside the subnet or not assignable, EXISTS when taken, EXHAUSTED
   */
  requestAddress(request: { readonly address?: Address; readonly owner: string }): Address {
    const value = request.address === undefined ? this.#choose() : this.#check(request.address);
    this.#quarantine.drop(value);
    this.#owners.set(value, request.owner);
    if (this.#isAutomatic(value)) this.#usedInRange += 1n;
    return { family: this.subnet.family, value };
  }

  /** Gives an address back; false when nobody had it. */
  releaseAddress(address: Address): boolean {
    const { value } = address;
    if (address.family !== this.subnet.family || !this.#owners.delete(value)) return false;
    if (!this.#isAutomatic(value)) return true;
    this.#usedInRange -= 1n;
    this.#endQuarantine();
    this.#quarantine.hold(value);
    return true;
  }

  /** Who has an address. */
  ownerOf(address: Address): string | undefined {
    return address.family === this.subnet.family ? this.#owners.get(address.value) : undefined;
  }

  /** The address with the subnet's prefix length, as an interface carries it: `10.0.0.5/24`. */
  withPrefix(address: Address): string {
    return `${formatAddress(address)}/${this.subnet.prefix}`;
  }

  /** How full it is. */
  get counts(): PoolCounts {
    const usable = usableOf(this.subnet);
    const size = usable.last - usable.first + 1n;
    const used = BigInt(this.#owners.size);
    const automatic = this.#ranges.reduce((sum, { first, last }) => sum + max(last - first + 1n, 0n), 0n);
    return { size, used, free: size - used, automatic: automatic - this.#usedInRange };
  }

  #isAutomatic(value: bigint): boolean {
    return this.#ranges.some(({ first, last }) => value >= first && value <= last);
  }

  #range(block: Cidr): Range {
    const usable = usableOf(this.subnet);
    const first = max(usable.first, block.base);
    const last = min(usable.last, lastOf(block).value);
    return { first, last, choice: new LowestFree(first, last) };
  }

  #endQuarantine(): void {
    this.#quarantine.end((freed) => this.#ranges.find(({ first, last }) => freed >= first && freed <= last)?.choice.give(freed));
  }

  #free(): bigint | undefined {
    for (const { choice } of this.#ranges) {
      const free = choice.next((value) => this.#owners.has(value) || this.#quarantine.has(value));
      if (free !== undefined) return free;
    }
    return undefined;
  }

  #choose(): bigint {
    this.#endQuarantine();
    const value = this.#free() ?? this.#quarantine.oldest();
    if (value !== undefined) return value;
    const where = this.range === undefined ? formatCidr(this.subnet) : `range ${formatCidr(this.range)} of ${formatCidr(this.subnet)}`;
    const wayOut = this.range === undefined ? 'disconnect something, or make a larger network' : 'ask for one outside the range by name, or disconnect something';
    throw new NetworkError('EXHAUSTED', `no free address is left in ${where} of ${this.owner}: ${wayOut}`);
  }

  #check(address: Address): bigint {
    const text = formatAddress(address);
    const subnet = formatCidr(this.subnet);
    if (!contains(this.subnet, address)) {
      throw new NetworkError('INVALID', `address ${text} is not in ${subnet}, the subnet of ${this.owner}`);
    }
    const usable = usableOf(this.subnet);
    if (address.value < usable.first || address.value > usable.last) {
      const kind = address.value > usable.last ? 'broadcast' : address.family === 4 ? 'network' : 'subnet-router anycast';
      throw new NetworkError('INVALID', `address ${text} is the ${kind} address of ${subnet}; choose another`);
    }
    const owner = this.#owners.get(address.value);
    if (owner !== undefined) {
      throw new NetworkError('EXISTS', `address ${text} is taken by ${owner}; choose another, or none to get a free one`);
    }
    return address.value;
  }
}

/**
 * Assignable addresses: without network and broadcast address, which /31 and /32 do not have
 * (RFC 3021); in IPv6 without the subnet-router anycast address (RFC 4291 §2.6.1), which /127 and
 * /128 do not have (RFC 6164).
 */
function usableOf(subnet: Cidr): { first: bigint; last: bigint } {
  const first = firstOf(subnet).value;
  const last = first + sizeOf(subnet) - 1n;
  if (subnet.prefix >= bitsOf(subnet.family) - 1) return { first, last };
  return { first: first + 1n, last: subnet.family === 4 ? last - 1n : last };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
