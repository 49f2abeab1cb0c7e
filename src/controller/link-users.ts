/** Who uses a link besides us. Pure. */
import type { LinkState } from '../kernel/link-state.ts';
import type { NamespaceSnapshot } from '../kernel/snapshot.ts';

/** Names of a link's ports and of the links that stand on it (VLANs, macvlans). */
export function usersOf(host: NamespaceSnapshot, name: string): string[] {
  const index = host.links.find((link) => link.name === name)?.index;
  return host.links
    .filter(({ masterIndex, peerIndex, peerNamespaceId }) => index !== undefined && (masterIndex === index || (peerIndex === index && peerNamespaceId === undefined)))
    .map((link) => link.name);
}

/**
 * Names of those links of others that were down when we came and that by now have a port, a link
 * on top or an address which is neither ours nor was there before.
 */
export function busyLinks(host: NamespaceSnapshot | undefined, links: readonly LinkState[]): ReadonlySet<string> {
  const busy = links.filter(({ name, foundDown, addresses = [] }) => {
    if (foundDown === undefined || host === undefined) return false;
    const now = host.links.find((link) => link.name === name);
    const known = new Set([...foundDown.addresses, ...addresses]);
    return now?.addresses.some((address) => !known.has(address)) === true || usersOf(host, name).some((user) => !foundDown.users.includes(user));
  });
  return new Set(busy.map(({ name }) => name));
}
