/**
 * From how things are to how they are to be: the one place where links become operations. Pure.
 * Creating, removing, moving, repairing and rebuilding differ only in what `actual` is.
 */
import type { WantedState } from '../../drivers/driver.ts';
import { withoutLength } from '../common/address.ts';
import type { FirewallBackend } from '../firewall/backend.ts';
import type { FoundDown, LinkState, PeerState, RouteState } from '../kernel/link-state.ts';
import { HOST, type LinkKind, type LinkSet, type NamespacePath, type Op } from '../kernel/op.ts';
import type { RedirectState } from '../kernel/redirect.ts';
import { sameVxlan } from '../kernel/vxlan-traits.ts';
import { tableChanges } from './table-changes.ts';
import { wireguardChanges } from './wireguard-changes.ts';

/** What the planner has to know besides the two states. */
export interface PlanContext {
  /** Link groups reserved for this owner: `live` marks what is ours, everything in `doomed` is about to be deleted. */
  readonly groups: { readonly live: number; readonly doomed: number };
  /** A name that no link has, for a link that waits in `doomed`. */
  readonly doomedName: () => string;
  readonly firewall: Pick<FirewallBackend, 'change'>;
  /** What is made was there before: nobody is asked for its addresses. */
  readonly restores?: boolean;
  /** Namespaces that go as a whole in the same plan: nothing inside them is worth a message. */
  readonly vanishing?: ReadonlySet<NamespacePath>;
  /** Links of others, by name, that by now somebody else uses too: they are not taken down. */
  readonly busy?: ReadonlySet<string>;
}

/**
 * The operations that lead from `actual` to `wanted`. Links go before the rules that guard them,
 * and come after.
 */
export function plan(wanted: WantedState, actual: WantedState, context: PlanContext): Op[] {
  const wants = new Map(wanted.links.map((link) => [linkKey(link), link]));
  const stays = (link: LinkState): boolean => {
    const next = wants.get(linkKey(link));
    // The kernel changes neither the VNI nor the port of a VXLAN link.
    return next !== undefined && sameVxlan(next.vxlan, link.vxlan);
  };
  const there = new Map(actual.links.filter(stays).map((link) => [linkKey(link), link]));
  const retired = actual.links.filter((link) => !stays(link));
  const tables = tableChanges([
    ...wanted.links.map((link) => ({ wanted: link, actual: there.get(linkKey(link)) })),
    // A link that is ours takes its tables along.
    ...retired.filter(({ label }) => label === undefined).map((link) => ({ wanted: undefined, actual: link })),
  ]);
  return [
    ...tables.gone,
    // Endpoints before the bridge they hang on.
    ...retired.toReversed().flatMap((link) => retire(link, context)),
    ...context.firewall.change(actual.facts, wanted.facts),
    ...wanted.links.flatMap((link) => establish(link, there.get(linkKey(link)), context)),
    ...tables.come,
    ...redirect(wanted.redirects ?? [], actual.redirects ?? [], context),
  ];
}

function redirect(wanted: readonly RedirectState[], actual: readonly RedirectState[], { vanishing }: PlanContext): Op[] {
  const namespaces = new Set(wanted.map(({ namespace }) => namespace));
  const known = new Set(actual.map(redirectKey));
  return [
    ...actual.filter(({ namespace }) => !namespaces.has(namespace) && vanishing?.has(namespace) !== true).map(({ namespace, table }): Op => ({ op: 'redirect-delete', namespace, table })),
    ...wanted.filter((state) => !known.has(redirectKey(state))).map((state): Op => ({ op: 'redirect-set', ...state })),
  ];
}

function redirectKey({ namespace, table, address, port, udp, tcp }: RedirectState): string {
  return `${namespace} ${table} ${address} ${port} ${udp} ${tcp}`;
}

/** What tells a link from all others. */
export function linkKey(link: Pick<LinkState, 'namespace' | 'name'>): string {
  return `${link.namespace}\n${link.name}`;
}

function establish(link: LinkState, known: LinkState | undefined, context: PlanContext): Op[] {
  const asks = context.restores !== true && link.probe !== undefined;
  if (link.handedOver !== undefined) return known === undefined ? [...create(link, context), ...(asks ? askFor(link) : [])] : [];
  if (known === undefined && link.lent !== undefined) return [...fetch(link, link.lent), ...configure(link, { ...pick(link, ['namespace', 'name', 'type']), up: false })];
  if (known === undefined && link.label !== undefined) {
    return [...create(link, context), ...configure(link, blank(link), asks), ...(link.peer === undefined ? [] : configurePeer(link.peer, undefined))];
  }
  const before = known ?? { namespace: link.namespace, name: link.name, type: link.type };
  return [...configure(link, before), ...(link.peer === undefined ? [] : configurePeer(link.peer, known?.peer))];
}

/** Takes a link from where somebody else has made it. A name cannot change while the link is up. */
function fetch({ namespace, name }: LinkState, lent: string): Op[] {
  return [
    { op: 'link-set', namespace: HOST, name: lent, up: false },
    { op: 'link-set', namespace: HOST, name: lent, moveTo: namespace, rename: name },
  ];
}

function create(link: LinkState, context: PlanContext): Op[] {
  const { namespace, name } = link;
  return [
    {
      op: 'link-add',
      namespace,
      name,
      kind: kindOf(link),
      group: context.groups.live,
      ...pick(link, ['mac', 'mtu', 'master']),
      ...(link.label === undefined ? {} : { alias: link.label }),
    },
  ];
}

/** What a link is made as. */
export function kindOf({ type, traits, parent, vxlan, peer }: LinkState): LinkKind {
  if (vxlan !== undefined) return { ...vxlan, type: 'vxlan' };
  if (traits !== undefined && parent !== undefined) return { ...traits, parent: { namespace: HOST, name: parent } };
  if (type === 'dummy' || type === 'ifb' || type === 'wireguard') return { type };
  return type === 'bridge' || peer === undefined ? { type: 'bridge' } : { type: 'veth', peer: pick(peer, ['namespace', 'name', 'mac', 'mtu']) };
}

/** What a bridge port begins with. */
const NEW_PORT = { hairpin: false, isolated: false, learning: true, neighbourSuppression: false } as const;

/** What a link is right after `create`. */
function blank(link: LinkState): LinkState {
  const { mac, ...rest } = pick(link, ['namespace', 'name', 'type', 'label', 'mac', 'mtu', 'master']);
  // It begins with the MAC of its parent, whatever it was made with.
  const inherits = link.traits?.type === 'macvlan' && link.traits.mode === 'passthru';
  return { ...rest, ...(inherits || mac === undefined ? {} : { mac }), up: false, ...NEW_PORT };
}

function configurePeer(peer: PeerState, known: PeerState | undefined): Op[] {
  if (peer.handedOver === true) return [];
  const fresh: PeerState = { ...pick(peer, ['namespace', 'name', 'mac', 'mtu']), up: false };
  const before = known === undefined || known.namespace !== peer.namespace ? fresh : known;
  const renamed: Op[] = before.name === peer.name ? [] : [{ op: 'link-set', namespace: peer.namespace, name: before.name, up: false, rename: peer.name }];
  return [...renamed, ...configure(peer, before)];
}

/** RFC 5227 waits seconds, for hosts that start together after a power cut; here the LAN is awake, and somebody waits. */
const PROBE = { count: 3, interval: 200 } as const;

/** It has to be up for that. Nothing of the host's is to settle on a link that is there for a moment. */
function askFor(link: LinkState): Op[] {
  const { namespace, name, traits } = link;
  if (traits?.type === 'ipvlan') return [probe(link)];
  return [
    { op: 'sysctl-set', namespace, key: `net/ipv6/conf/${name}/disable_ipv6`, value: '1', optional: true },
    { op: 'link-set', namespace, name, up: true },
    probe(link),
    { op: 'link-set', namespace, name, up: false },
  ];
}

/** Asks for a link's addresses. An ipvlan parent passes on what is for an address that a child has: before that, answers reach the parent only. */
export function probe({ namespace, name, traits, parent, probe: addresses = [] }: LinkState): Op {
  const place = traits?.type === 'ipvlan' && parent !== undefined ? { namespace: HOST, link: parent } : { namespace, link: name };
  return { op: 'address-probe', ...place, addresses: addresses.map(withoutLength), ...PROBE };
}

/** @param asks whether addresses are asked for before they are set */
function configure(link: LinkState | PeerState, before: LinkState | PeerState, asks = false): Op[] {
  const { namespace, name } = link;
  const had = { addresses: new Set(before.addresses), routes: new Set(before.routes?.map(routeKey)) };
  const wants = { addresses: new Set(link.addresses), routes: new Set(link.routes?.map(routeKey)) };
  const newAddresses = [...wants.addresses].filter((address) => !had.addresses.has(address));
  const announce = link.announce;
  const gone: Op[] = [
    ...(before.routes ?? []).filter((route) => !wants.routes.has(routeKey(route))).map((route) => routeOp('route-delete', link, route)),
    ...[...had.addresses].filter((address) => !wants.addresses.has(address)).map((address): Op => ({ op: 'address-delete', namespace, link: name, address })),
  ];
  const known = new Set(before.sysctls?.map(({ key, value }) => `${key}=${value}`));
  return [
    ...gone,
    ...(link.sysctls ?? [])
      .filter(({ key, value }) => !known.has(`${key}=${value}`))
      .map(({ key, value }): Op => ({ op: 'sysctl-set', namespace, key, value, optional: key.startsWith('net/ipv6/') })),
    ...linkChanges(link, before),
    // Before it is up: it begins to listen then.
    ...('type' in link && 'type' in before ? wireguardChanges(link, before) : []),
    ...(asks && 'type' in link ? [{ op: 'link-set', namespace, name, up: true } as const, probe(link)] : []),
    ...newAddresses.map((address): Op => ({ op: 'address-add', namespace, link: name, address })),
    ...(!asks && link.up === true && before.up !== true ? [{ op: 'link-set', namespace, name, up: true } as const] : []),
    ...(link.routes ?? []).filter((route) => !had.routes.has(routeKey(route))).map((route) => routeOp('route-add', link, route)),
    ...(announce === undefined || announce.count === 0
      ? []
      : newAddresses.map((address): Op => ({ op: 'announce', namespace, link: name, address: withoutLength(address), ...(link.mac === undefined ? {} : { mac: link.mac }), ...announce }))),
  ];
}

function linkChanges(link: LinkState | PeerState, before: LinkState | PeerState): Op[] {
  const { namespace, name } = link;
  const change: { -readonly [K in keyof LinkSet]?: LinkSet[K] } = {};
  if (link.mac !== undefined && link.mac !== before.mac) change.mac = link.mac;
  if (link.mtu !== undefined && link.mtu !== before.mtu) change.mtu = link.mtu;
  const ops: Op[] = [];
  if (link.label !== undefined && link.label !== before.label) change.alias = link.label;
  if ('type' in link && 'type' in before) {
    if (link.master !== undefined && link.master !== before.master) change.master = link.master;
    const port = portChange(link, change.master === undefined ? before : NEW_PORT);
    if (Object.keys(port).length > 0) ops.push({ op: 'bridge-port-set', namespace, name, ...port });
  }
  if (Object.keys(change).length > 0) ops.unshift({ op: 'link-set', namespace, name, ...change });
  return ops;
}

type PortSettings = Pick<LinkState, 'hairpin' | 'isolated' | 'learning' | 'neighbourSuppression'>;

function portChange(link: LinkState, before: PortSettings): PortSettings {
  const changed = (['hairpin', 'learning', 'neighbourSuppression'] as const).filter((name) => link[name] !== undefined && link[name] !== before[name]);
  const isolated = link.hairpin !== undefined && before.isolated === true;
  return { ...pick(link, isolated ? ['hairpin', ...changed] : changed), ...(isolated ? { isolated: false } : {}) };
}

function retire(link: LinkState, context: PlanContext): Op[] {
  const { peer: other } = link;
  // Of a pair between two sandboxes, the end that does not go with its namespace is taken by itself.
  const turned = other?.label !== undefined && context.vanishing?.has(link.namespace) === true && !context.vanishing.has(other.namespace);
  const { namespace, name, peer } = turned ? { ...other, peer: link } : link;
  if (link.lent !== undefined) return giveBack(link, link.lent);
  if (link.label === undefined) return release(link, context);
  // Few, and gone when this is answered: what they were made on is free again then.
  if (namespace === HOST && link.type !== 'veth' && link.handedOver === undefined) return [{ op: 'link-delete', namespace, name }];
  // Its parent takes the next one only when it is gone.
  if (link.traits?.type === 'macvlan' && link.traits.mode === 'passthru') return [{ op: 'link-delete', namespace, name }];
  // Its VNI is taken until it is gone.
  if (link.vxlan !== undefined && context.vanishing?.has(namespace) !== true) return [{ op: 'link-delete', namespace, name }];
  // A link on top of another one lives on while somebody holds the namespace: there it is to have no address any more.
  if (link.traits === undefined && context.vanishing?.has(namespace) === true) return [];
  // Deleting a veth takes the kernel 20 ms; out of sight and into the doomed group takes 0.6, and the reaper deletes the group at once.
  const inside: Op[] =
    peer === undefined || peer.handedOver === true || context.vanishing?.has(peer.namespace) === true
      ? []
      : [
          { op: 'address-flush', namespace: peer.namespace, link: peer.name },
          { op: 'link-set', namespace: peer.namespace, name: peer.name, up: false },
          { op: 'link-set', namespace: peer.namespace, name: peer.name, rename: context.doomedName() },
        ];
  return [
    ...inside,
    ...(namespace === HOST ? [] : [{ op: 'address-flush', namespace, link: name } as const]),
    { op: 'link-set', namespace, name, up: false },
    { op: 'link-set', namespace, name, group: context.groups.doomed, rename: context.doomedName() },
  ];
}

/** Also from a namespace that goes: the kernel would give hardware back to the machine, not to us, and delete everything else. */
function giveBack({ namespace, name }: LinkState, lent: string): Op[] {
  return [
    { op: 'address-flush', namespace, link: name },
    { op: 'link-set', namespace, name, up: false },
    { op: 'link-set', namespace, name, moveTo: HOST, rename: lent },
  ];
}

/** Takes what we added to somebody else's link off it again, and leaves it as it was found. */
function release(link: LinkState, { busy }: PlanContext): Op[] {
  const { namespace, name, foundDown } = link;
  return [
    ...(link.routes ?? []).map((route) => routeOp('route-delete', link, route)),
    ...(link.addresses ?? []).map((address): Op => ({ op: 'address-delete', namespace, link: name, address })),
    ...(link.sysctls ?? []).flatMap(({ key, restore }): Op[] =>
      restore === undefined ? [] : [{ op: 'sysctl-set', namespace, key, value: restore, optional: true }],
    ),
    ...(foundDown === undefined || busy?.has(name) === true ? [] : takeDown(link, foundDown)),
  ];
}

function takeDown({ namespace, name }: LinkState, { addresses }: FoundDown): Op[] {
  // The kernel drops them unless keep_addr_on_down is set.
  const lost = addresses.filter((address) => address.includes(':'));
  return [
    { op: 'link-set', namespace, name, up: false },
    ...lost.flatMap((address): Op[] => (['address-delete', 'address-add'] as const).map((op) => ({ op, namespace, link: name, address }))),
  ];
}

function routeOp(op: 'route-add' | 'route-delete', link: LinkState | PeerState, route: RouteState): Op {
  return { op, namespace: link.namespace, link: link.name, ...route };
}

function routeKey(route: RouteState): string {
  return `${route.destination} ${route.gateway ?? ''} ${route.metric ?? ''}`;
}

function pick<T extends object, K extends keyof T>(source: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => source[key] !== undefined).map((key) => [key, source[key]])) as Pick<T, K>;
}
