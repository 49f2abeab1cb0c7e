import { createHash } from 'node:crypto';
import { canonicalAddress } from '../common/address.ts';

/** Of the addresses inside tunnels: RFC 4193 §3.1, one subnet for each cluster. */
export const TUNNEL_PREFIX = 64;

/**
 * The address that a host has inside the tunnels of a cluster: all know it who know the two ids, and nobody gives it.
 * @param cluster its id
 * @param host eight hex digits
 * @returns plain
 */
export function tunnelAddress(cluster: string, host: string): string {
  const network = `fd${createHash('sha256').update(`tunnels of ${cluster}`).digest('hex').slice(0, 10)}`;
  return canonicalAddress([...(network.match(/.{4}/g) ?? []), '0', '0', '0', host.slice(0, 4), host.slice(4)].join(':'));
}
