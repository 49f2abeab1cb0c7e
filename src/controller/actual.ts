/** What the kernel holds, told in the planner's words: only what is wanted is looked at. Pure. */
import { sameTraits } from '../kernel/child-traits.ts';
import { fdbKey } from '../kernel/forwarding-state.ts';
import type { LinkState, PeerState, RouteState } from '../kernel/link-state.ts';
import { HOST, type NamespacePath } from '../kernel/op.ts';
import type { LinkSnapshot, NamespaceSnapshot } from '../kernel/snapshot.ts';
import { sameVxlan } from '../kernel/vxlan-traits.ts';
import { linkKey } from './plan.ts';
import { actualWireguard } from './wireguard-changes.ts';

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
    if (found === undefined && link.handedOver !== undefined) return isHandedOver(link, snapshots) ? [link] : [];
    if (snapshot === undefined || found === undefined || !isOurs(link, found, group) || !isOnParent(link, found, snapshots) || !isThatVxlan(link, found)) return [];
    const master = snapshot.links.find((candidate) => candidate.index === found.masterIndex)?.name;
    const state: LinkState = {
      ...observed(link, found, snapshot),
      ...(link.sysctls === undefined ? {} : { sysctls: link.sysctls.map((one) => ({ ...one, value: sysctls.get(one.key) ?? one.value })) }),
      type: link.type,
      ...(link.foundDown === undefined ? {} : { foundDown: link.foundDown }),
      ...(master === undefined ? {} : { master }),
      ...(link.vxlan === undefined ? {} : { vxlan: link.vxlan }),
      ...(link.wireguard === undefined ? {} : { wireguard: actualWireguard(link.wireguard, found.wireguard) }),
      ...(found.hairpin === undefined ? {} : { hairpin: found.hairpin, learning: found.learning ?? true, neighbourSuppression: found.neighbourSuppression ?? false }),
      ...(found.isolated === true ? { isolated: true } : {}),
      ...tables(link, found),
      ...(link.label === undefined || found.alias === undefined ? {} : { label: found.alias }),
    };
    if (link.peer === undefined) return [state];
    const peer = actualPeer(link.peer, found, snapshots);
    return peer === undefined ? [] : [{ ...state, peer }];
  });
}

/** Where a link is. */
export type LinkPlace = Pick<LinkState, 'namespace' | 'name'>;

/**
 * Links that are ours and lead elsewhere: their other end was moved, their sandbox's namespace has
 * lost its name to a new one, their parent is another one now; and those in a sandbox that were only
 * half made. They stand in the way of the ones to be made.
 */
export function misled(wanted: readonly LinkState[], snapshots: Snapshots, group: number): LinkPlace[] {
  const usable = new Set(actualLinks(wanted, snapshots, group).map(linkKey));
  const named = wanted.flatMap((link): LinkPlace[] => {
    const { label, peer } = link;
    if (label === undefined || usable.has(linkKey(link))) return [];
    // Of a pair between two sandboxes, the far end may be the one that is left.
    const ends = peer?.label === undefined ? [link] : [link, peer];
    return ends.flatMap(({ namespace, name }) => (snapshots.get(namespace)?.links.some((found) => found.name === name && isOurs(link, found, group)) === true ? [{ namespace, name }] : []));
  });
  const sandboxes = new Set(wanted.flatMap(({ namespace, traits }) => (traits === undefined || namespace === HOST ? [] : [namespace])));
  const known = new Set(wanted.map(linkKey));
  const halfMade = [...sandboxes].flatMap((namespace) =>
    (snapshots.get(namespace)?.links ?? []).flatMap(({ name, alias, ...found }): LinkPlace[] =>
      found.group === group && (alias ?? '') === '' && !known.has(linkKey({ namespace, name })) ? [{ namespace, name }] : [],
    ),
  );
  return [...named, ...halfMade];
}

/** Links on top of others that were wanted, where they are by now: an engine takes its containers' away and brings them back. */
export function whereabouts(former: readonly LinkState[], snapshots: Snapshots): LinkState[] {
  return former.map((link) => {
    const { namespace, name, label, traits, handedOver } = link;
    if (traits === undefined || label === undefined) return link;
    if (snapshots.get(namespace)?.links.some((found) => found.name === name) === true) return link;
    for (const place of [handedOver, namespace, HOST]) {
      const found = place === undefined ? undefined : snapshots.get(place)?.links.find(({ alias }) => alias === label);
      if (place !== undefined && found !== undefined) {
        const { handedOver: _here, ...rest } = link;
        return { ...rest, namespace: place, name: found.name };
      }
    }
    return link;
  });
}

function isHandedOver({ handedOver, label }: LinkState, snapshots: Snapshots): boolean {
  return handedOver !== undefined && snapshots.get(handedOver)?.links.some(({ alias }) => alias === label) === true;
}

/** While the parent is away (a network card that is moved between namespaces), its children are left as they are. */
function isOnParent({ label, traits, parent }: LinkState, found: LinkSnapshot, snapshots: Snapshots): boolean {
  if (label === undefined || traits === undefined) return true;
  const below = snapshots.get(HOST)?.links.find(({ name }) => name === parent);
  return sameTraits(traits, found.traits) && (below === undefined || below.index === found.peerIndex);
}

function isThatVxlan({ label, vxlan }: LinkState, found: LinkSnapshot): boolean {
  return label === undefined || vxlan === undefined || sameVxlan(vxlan, found.vxlan);
}

/** At a link that is not ours, and where only a part of what is wanted is stated, the other entries are somebody's. */
function tables({ label, forwarding, neighbours }: LinkState, found: LinkSnapshot): Pick<LinkState, 'forwarding' | 'neighbours'> {
  const whole = label !== undefined;
  return {
    ...(forwarding === undefined ? {} : { forwarding: entries(whole, forwarding, found.forwarding, fdbKey) }),
    ...(neighbours === undefined ? {} : { neighbours: entries(whole, neighbours, found.neighbours, ({ address }) => address) }),
  };
}

function entries<Entry>(whole: boolean, stated: readonly Entry[], found: readonly Entry[] = [], key: (entry: Entry) => string): readonly Entry[] {
  if (whole) return found;
  const keys = new Set(stated.map(key));
  return found.filter((entry) => keys.has(key(entry)));
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
  return { ...observed(wanted, found, snapshot), name: found.name, ...(wanted.label === undefined || found.alias === undefined ? {} : { label: found.alias }) };
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
