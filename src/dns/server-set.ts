import { isMapped } from '../common/address-scope.ts';
import { formatAddress, tryParseAddress } from '../common/address.ts';
import type { NamespacePath } from '../kernel/op.ts';

/** A name server outside. */
export interface Server {
  /** What tells it from others: the same address may be somebody else in another namespace. */
  readonly id: string;
  /** From where it is asked. */
  readonly namespace: NamespacePath;
  /** `device:inode` that the namespace must have. */
  readonly identity?: string | undefined;
  /** Plain; a link-local one with its zone (`fe80::1%eth0`, RFC 4007 §11). */
  readonly address: string;
}

/** Servers that are asked in this order, and give the same answers. */
export interface ServerSet {
  /** Equal for equal servers that are asked for the same owner from one namespace. */
  readonly key: string;
  readonly servers: readonly Server[];
}

/**
 * @param given plain addresses, those with a zone too
 * @param owner who alone may hear what they say: in a namespace of its own root answers for any server, and the next
 * sandbox may have the same name and servers
 * @param identity `device:inode` that the namespace must have
 */
export function serverSet(namespace: NamespacePath, given: readonly string[], owner = '', identity?: string): ServerSet {
  const addresses = given.map(unmapped);
  const servers = addresses.map((address) => ({ id: `${namespace} ${address}`, namespace, identity, address }));
  return { key: `${owner} ${namespace} ${addresses.join(' ')}`, servers };
}

/** The kernel takes `::ffff:192.0.2.1` for 192.0.2.1, so whoever looks for an address has to as well. */
function unmapped(text: string): string {
  const address = tryParseAddress(text);
  if (address === undefined || !isMapped(address)) return text;
  return formatAddress({ family: 4, value: address.value & 0xffff_ffffn });
}
