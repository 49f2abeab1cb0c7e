import { createHash } from 'node:crypto';
import { parseCidr } from '../common/cidr.ts';
import type { Cidr } from '../common/cidr.ts';

/** A block from which subnets of one size are cut, lowest first (Docker's `default-address-pools`). */
export interface DefaultPool {
  readonly base: Cidr;
  /** Prefix length of each subnet. */
  readonly size: number;
}

/** Docker's own: 31 networks. 172.17.0.0/16 is usually docker0's, and then in use. */
const DEFAULT_V4 = [
  ['172.17.0.0/16', 16],
  ['172.18.0.0/16', 16],
  ['172.19.0.0/16', 16],
  ['172.20.0.0/14', 16],
  ['172.24.0.0/14', 16],
  ['172.28.0.0/14', 16],
  ['192.168.0.0/16', 20],
] as const;

/**
 * The pools of a host that configures none. IPv6 is a unique local prefix (RFC 4193) whose 40
 * random bits come from the host's id, so that a host keeps its own and two hosts differ.
 */
export function defaultPools(hostId: string): DefaultPool[] {
  const v4 = DEFAULT_V4.map(([base, size]) => ({ base: parseCidr(base), size }));
  const random = createHash('sha256').update(hostId).digest().subarray(0, 5).toString('hex');
  const ula: Cidr = { family: 6, base: BigInt(`0xfd${random}`) << 80n, prefix: 48 };
  return [...v4, { base: ula, size: 64 }];
}
