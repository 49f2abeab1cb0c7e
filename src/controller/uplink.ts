import type { LinkSnapshot, NamespaceSnapshot } from '../kernel/snapshot.ts';

/** The link by which a host leads out: that of its default route (`ip route show default`), of IPv4 before IPv6; undefined where it has none. */
export function uplinkOf({ links, routes }: NamespaceSnapshot): LinkSnapshot | undefined {
  const way = routes.find(({ destination }) => destination === '0.0.0.0/0') ?? routes.find(({ destination }) => destination === '::/0');
  return way?.linkIndex === undefined ? undefined : links.find(({ index }) => index === way.linkIndex);
}
