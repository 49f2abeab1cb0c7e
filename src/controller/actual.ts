/** What the kernel holds, told in the planner's words: only what is wanted is looked at. Pure. */
import type { LinkState, PeerState, RouteState } from '../kernel/link-state.ts';
import { HOST, type NamespacePath } from '../kernel/op.ts';
import type { LinkSnapshot, NamespaceSnapshot } from '../kernel/snapshot.ts';

/** Snapshots by namespace. */
export type Snapshots = ReadonlyMap<NamespacePath, NamespaceSnapshot>;
/** What was read of the host's sysctls, by key. */
export type Sysctls = ReadonlyMap<string, string>;

/**
 * Those of the wanted links that are there, as they are. A link of the right name with somebody
 * else's label is not there.
 * @param group the link group of what is ours
 * @param sysctls those that are not told are taken to be as wanted
 */
export function actualLinks(wanted: readonly LinkState[], snapshots: Snapshots, group: number, sysctls: Sysctls = new Map()): LinkState[] {
  return wanted.flatMap((link) => {
    const snapshot = snapshots.get(link.namespace);
    const found = snapshot?.links.find((candidate) => candidate.name === link.name);
    if (snapshot === undefined || found === undefined || !isOurs(link, found, group)) return [];
    const master = snapshot.links.find((candidate) => candidate.index === found.masterIndex)?.name;
    const state: LinkState = {
      ...observed(link, found, snapshot),
      ...(link.sysctls === undefined ? {} : { sysctls: link.sysctls.map((one) => ({ ...one, value: sysctls.get(one.key) ?? one.value })) }),
      type: link.type,
      ...(link.foundDown === undefined ? {} : { foundDown: link.foundDown }),
      ...(master === undefined ? {} : { master }),
      ...(found.hairpin === undefined ? {} : { hairpin: found.hairpin }),
      ...(found.isolated === true ? { isolated: true } : {}),
      ...(link.label === undefined || found.alias === undefined ? {} : { label: found.alias }),
    };
    if (link.peer === undefined) return [state];
    const peer = actualPeer(link.peer, found, snapshots);
    return peer === undefined ? [] : [{ ...state, peer }];
  });
}

/**
 * Names of host-side links that are ours and lead elsewhere: their other end was moved, or their
 * sandbox's namespace has lost its name to a new one. They stand in the way of the ones to be made.
 */
export function misled(wanted: readonly LinkState[], snapshots: Snapshots, group: number): string[] {
  const usable = new Set(actualLinks(wanted, snapshots, group).map(({ name }) => name));
  const host = snapshots.get(HOST)?.links ?? [];
  return wanted.flatMap((link) => {
    if (link.namespace !== HOST || link.label === undefined || usable.has(link.name)) return [];
    return host.some((found) => found.name === link.name && isOurs(link, found, group)) ? [link.name] : [];
  });
}

/** The group comes with the link, the label a moment later: a daemon that was killed in between has left one without. */
function isOurs(link: LinkState, found: LinkSnapshot, group: number): boolean {
  return link.label === undefined || found.alias === link.label || (found.group === group && (found.alias ?? '') === '');
}

function actualPeer(wanted: PeerState, near: LinkSnapshot, snapshots: Snapshots): PeerState | undefined {
  if (wanted.handedOver === true) return wanted;
  const snapshot = snapshots.get(wanted.namespace);
  const found = snapshot?.links.find(
    (candidate) => candidate.index === near.peerIndex && (candidate.peerIndex === near.index || wanted.namespace === HOST),
  );
  if (snapshot === undefined || found === undefined) return undefined;
  return { ...observed(wanted, found, snapshot), name: found.name };
}

function observed(wanted: LinkState | PeerState, found: LinkSnapshot, snapshot: NamespaceSnapshot): Omit<PeerState, 'handedOver'> {
  const there = new Set(found.addresses);
  const routes = new Set(
    snapshot.routes.filter((route) => route.linkIndex === found.index).map((route) => `${route.destination} ${route.gateway ?? ''}`),
  );
  const present = (route: RouteState): boolean => routes.has(`${route.destination} ${route.gateway ?? ''}`);
  return {
    namespace: wanted.namespace,
    name: wanted.name,
    up: found.up,
    mac: found.mac,
    mtu: found.mtu,
    addresses: (wanted.addresses ?? []).filter((address) => there.has(address)),
    routes: (wanted.routes ?? []).filter(present),
    // Reading one costs as much as writing one: only those of bridges are, of which there are few.
    ...(wanted.sysctls === undefined ? {} : { sysctls: wanted.sysctls }),
  };
}
