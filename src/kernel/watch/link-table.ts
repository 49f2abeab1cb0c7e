import type { KernelEvent } from '../kernel.ts';
import { LINK } from '../netlink/constants.ts';
import { Attributes } from '../netlink/message-reader.ts';
import { parseLink } from '../netlink/snapshot.ts';
import type { OwnChanges } from './own-changes.ts';

/** linux/socket.h */
const AF_BRIDGE = 7;
const NO_ADDRESSES: ReadonlyMap<number, readonly string[]> = new Map();

interface Row {
  readonly name: string;
  readonly group: number;
  readonly master: number | undefined;
  readonly peer: number | undefined;
  /** Number of the namespace in which the other end stands, if not here. */
  readonly peerNamespace: number | undefined;
  /** Its settings as a bridge port. */
  readonly port: string | undefined;
  readonly vxlan: boolean;
  /** What else is worth a word when it changes; carrier and counters are not. */
  readonly summary: string;
}

/** A namespace that is dropped is gone within 0.1 s unless somebody else holds it; then its links stay, and so does our interest in them, ms. */
const LEAVING_FOR = 10_000;

/** The links of the host as their events tell them, to say what really changed and who did it. */
export class LinkTable {
  #rows = new Map<number, Row>();
  /** Links that go because we dropped the namespace of their other end, with their masters. */
  readonly #leaving = new Map<number, { readonly master: number | undefined; readonly until: number }>();
  readonly #now: () => number;

  /** @param now a monotonic clock, ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Name of a link by its index. */
  name(index: number): string | undefined {
    return this.#rows.get(index)?.name;
  }

  /** A VXLAN link, or the bridge that it is a port of. */
  carriesOverlay(index: number): boolean {
    return this.#rows.entries().some(([link, { vxlan, master }]) => vxlan && (link === index || master === index));
  }

  /** Takes over a whole dump without a word. */
  reset(payloads: readonly Buffer[]): void {
    this.#rows = new Map(payloads.filter((payload) => payload.length >= 16).map((payload) => [payload.readInt32LE(4), row(payload)]));
  }

  /** Everything that operations are about to touch, by what the table knows now. */
  touch(own: OwnChanges): void {
    for (const [index, { name, group }] of this.#rows) if (own.names.has(name) || own.groups.has(group)) this.#own(index, own);
  }

  /** We are about to drop a namespace: the links whose other end stands there go a little later. */
  leave(namespaceId: number): void {
    const now = this.#now();
    for (const [index, { until }] of this.#leaving) if (until < now) this.#leaving.delete(index);
    for (const [index, { peerNamespace, master }] of this.#rows) {
      if (peerNamespace === namespaceId) this.#leaving.set(index, { master, until: now + LEAVING_FOR });
    }
  }

  /** RTM_NEWLINK */
  changed(payload: Buffer, own: OwnChanges | undefined): KernelEvent | undefined {
    if (payload.length < 16) return undefined;
    const index = payload.readInt32LE(4);
    const before = this.#rows.get(index);
    const after = payload[0] === AF_BRIDGE ? portRow(payload, before) : row(payload);
    if (after === undefined || (after.summary === before?.summary && after.port === before.port)) return undefined;
    this.#rows.set(index, after);
    if (this.#isLeaving(index)) return undefined;
    const ours = own !== undefined && (own.names.has(after.name) || own.indexes.has(index));
    if (ours) this.#own(index, own);
    return ours ? undefined : { event: 'link-changed', name: after.name, index };
  }

  /** RTM_DELLINK. As a message of the bridge it only says that the link is no port any more. */
  removed(payload: Buffer, own: OwnChanges | undefined): KernelEvent | undefined {
    if (payload.length < 16 || payload[0] === AF_BRIDGE) return undefined;
    const index = payload.readInt32LE(4);
    const before = this.#rows.get(index);
    if (before === undefined) return undefined;
    const ours = own !== undefined && (own.names.has(before.name) || own.indexes.has(index));
    this.#rows.delete(index);
    if (this.#leaving.delete(index)) return undefined;
    return ours ? undefined : { event: 'link-removed', name: before.name, index };
  }

  /** The link itself, or a bridge that takes another MAC because this port goes. */
  #isLeaving(index: number): boolean {
    if (this.#leaving.size === 0) return false;
    const now = this.#now();
    return this.#leaving.entries().some(([link, { master, until }]) => (link === index || master === index) && until >= now);
  }

  #own(index: number, own: OwnChanges): void {
    const found = this.#rows.get(index);
    own.indexes.add(index);
    // A bridge takes MAC and MTU from its ports; a veth goes with its other end, if that stands here too.
    if (found?.master !== undefined) own.indexes.add(found.master);
    if (found?.peer !== undefined && this.#rows.get(found.peer)?.peer === index) own.indexes.add(found.peer);
  }
}

function row(payload: Buffer): Row {
  const { name, kind, group, masterIndex: master, peerIndex, peerNamespaceId, hairpin, isolated, learning, neighbourSuppression, mac, mtu, up, alias } = parseLink(payload, NO_ADDRESSES);
  const peer = peerNamespaceId === undefined ? peerIndex : undefined;
  const port = hairpin === undefined ? undefined : portText(hairpin, isolated, learning, neighbourSuppression);
  return { name, group, master, peer, peerNamespace: peerNamespaceId, port, vxlan: kind === 'vxlan', summary: JSON.stringify([name, group, master ?? 0, mac, mtu, up, alias ?? '']) };
}

/** A bridge tells of its port: only what it knows better than the link itself. */
function portRow(payload: Buffer, before: Row | undefined): Row | undefined {
  const settings = new Attributes(payload, 16).nest(LINK.PROTINFO);
  const mode = settings?.u8(LINK.BRPORT_MODE);
  if (before === undefined || settings === undefined || mode === undefined) return undefined;
  const [isolated, learning, suppression] = [LINK.BRPORT_ISOLATED, LINK.BRPORT_LEARNING, LINK.BRPORT_NEIGH_SUPPRESS].map((type) => settings.u8(type));
  return { ...before, port: portText(mode === 1, isolated === 1, learning !== 0, suppression === 1) };
}

function portText(hairpin: boolean, isolated = false, learning = true, suppression = false): string {
  return JSON.stringify([hairpin, isolated, learning, suppression]);
}
