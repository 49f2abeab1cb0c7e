import { parseCidr } from '../common/cidr.ts';
import type { HostRoutes } from '../ipam/address-space.ts';
import type { NamespaceSnapshot } from '../kernel/snapshot.ts';

/** What the host reaches without us: the routes of its namespace but for those of our own links. */
export function hostRoutes(instance: string, host: NamespaceSnapshot | undefined): HostRoutes {
  if (host === undefined) return { onLink: [], wider: [] };
  const ours = new Set(host.links.filter(({ alias }) => alias?.startsWith(`netctl:${instance}:`)).map(({ index }) => index));
  const foreign = host.routes.filter(({ linkIndex }) => linkIndex === undefined || !ours.has(linkIndex));
  const cidrs = (routes: typeof foreign): HostRoutes['onLink'] => routes.map(({ destination }) => parseCidr(destination, { allowHostBits: true }));
  return {
    onLink: cidrs(foreign.filter(({ gateway }) => gateway === undefined)),
    wider: cidrs(foreign.filter(({ gateway }) => gateway !== undefined)),
  };
}
