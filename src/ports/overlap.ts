import { familyOf } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { formatPortBinding, type PortBinding } from './spec.ts';

/**
 * Whether two sockets of one protocol are in each other's way on the same port.
 * @param one, other plain addresses; undefined: every address of both families. `0.0.0.0` and `::` are every one of theirs
 */
export function overlap(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return true;
  return familyOf(one) === familyOf(other) && [one, other].some((address) => address === '0.0.0.0' || address === '::');
}

/** @throws {NetworkError} INVALID for two bindings that name one port of one host address */
export function requireDistinct(bindings: readonly PortBinding[]): void {
  const named = new Map<string, PortBinding[]>();
  for (const binding of bindings) {
    const { protocol, hostPort, hostPortEnd, hostAddress } = binding;
    if (hostPort === undefined || hostPortEnd !== undefined) continue;
    const key = `${protocol}/${hostPort}`;
    const others = named.get(key) ?? [];
    const twin = others.find((other) => overlap(other.hostAddress, hostAddress));
    if (twin !== undefined) {
      throw new NetworkError('INVALID', `${formatPortBinding(twin)} and ${formatPortBinding(binding)} ask for the same host port: give one of them another`);
    }
    named.set(key, [...others, binding]);
  }
}
