import type { BridgePortSet, LinkAdd, LinkKind } from '../op.ts';
import { LINK, NLM_F, RTM } from './constants.ts';
import { writeTraits } from './link-kinds.ts';
import type { MessageWriter } from './message-writer.ts';
import type { Request } from './netlink-socket.ts';
import { linkName, parseMac } from './parse.ts';
import { writeVxlan } from './vxlan-info.ts';

const ACK = NLM_F.ACK;
/** linux/socket.h: AF_UNSPEC, PF_BRIDGE */
const AF_UNSPEC = 0;
const AF_BRIDGE = 7;

/** Where a link stands and who it belongs to. */
export interface LinkPlace {
  readonly masterIndex?: number | undefined;
  /** Descriptor of the namespace in which a veth's far end is made. */
  readonly peerNamespaceFd?: number | undefined;
  /** The link that it sits on, in the namespace of the socket. */
  readonly parentIndex?: number | undefined;
  /** Descriptor of the namespace in which it is made, if that is not the socket's. */
  readonly namespaceFd?: number | undefined;
  /** Numbers of a veth's two ends, this one's first; left out, the kernel takes what is next in each namespace. */
  readonly indexes?: readonly [number, number] | undefined;
}

/** RTM_NEWLINK that creates. The kernel takes the group here and ignores an alias. */
export function newLink(op: LinkAdd, place: LinkPlace): Request {
  return (writer, sequence) => {
    const up = op.up === true ? LINK.IFF_UP : 0;
    writer.begin(RTM.NEWLINK, ACK | NLM_F.CREATE | NLM_F.EXCL, sequence).interfaceInfo(place.indexes?.[0] ?? 0, up, up).text(LINK.IFNAME, linkName(op.name));
    hardware(writer, op);
    if (op.group !== undefined) writer.u32(LINK.GROUP, op.group);
    if (place.masterIndex !== undefined) writer.u32(LINK.MASTER, place.masterIndex);
    if (place.parentIndex !== undefined) writer.u32(LINK.LINK, place.parentIndex);
    if (place.namespaceFd !== undefined) writer.u32(LINK.NET_NS_FD, place.namespaceFd);
    writer.nest(LINK.LINKINFO, () => linkInfo(writer, op.kind, place));
  };
}

function linkInfo(writer: MessageWriter, kind: LinkKind, place: LinkPlace): void {
  writer.text(LINK.INFO_KIND, kind.type);
  if ('parent' in kind) writer.nest(LINK.INFO_DATA, () => writeTraits(writer, kind));
  if (kind.type === 'vxlan') writer.nest(LINK.INFO_DATA, () => writeVxlan(writer, kind));
  if (kind.type !== 'veth') return;
  const { peer } = kind;
  writer.nest(LINK.INFO_DATA, () =>
    writer.nest(LINK.VETH_PEER, () => {
      // A far end cannot be created up (ENOTCONN).
      writer.interfaceInfo(place.indexes?.[1] ?? 0).text(LINK.IFNAME, linkName(peer.name));
      hardware(writer, peer);
      if (place.peerNamespaceFd !== undefined) writer.u32(LINK.NET_NS_FD, place.peerNamespaceFd);
    }),
  );
}

/** What {@link setLink} changes; what is left out stays. */
export interface LinkChange {
  readonly rename?: string | undefined;
  readonly up?: boolean | undefined;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** 0 takes it out of its bridge. */
  readonly masterIndex?: number | undefined;
  readonly group?: number | undefined;
  readonly alias?: string | undefined;
  readonly namespaceFd?: number | undefined;
}

/** RTM_SETLINK */
export function setLink(index: number, change: LinkChange): Request {
  return (writer, sequence) => {
    const up = change.up === true ? LINK.IFF_UP : 0;
    writer.begin(RTM.SETLINK, ACK, sequence).interfaceInfo(index, up, change.up === undefined ? 0 : LINK.IFF_UP);
    if (change.rename !== undefined) writer.text(LINK.IFNAME, linkName(change.rename));
    hardware(writer, change);
    if (change.masterIndex !== undefined) writer.u32(LINK.MASTER, change.masterIndex);
    if (change.group !== undefined) writer.u32(LINK.GROUP, change.group);
    // Without its NUL, as `ip` sends it: an empty one removes the alias.
    if (change.alias !== undefined) writer.bytes(LINK.IFALIAS, Buffer.from(change.alias));
    if (change.namespaceFd !== undefined) writer.u32(LINK.NET_NS_FD, change.namespaceFd);
  };
}

/** RTM_DELLINK of one link. */
export function deleteLink(index: number): Request {
  return (writer, sequence) => void writer.begin(RTM.DELLINK, ACK, sequence).interfaceInfo(index);
}

/** RTM_DELLINK of a whole group of this namespace. */
export function deleteLinkGroup(group: number): Request {
  return (writer, sequence) => void writer.begin(RTM.DELLINK, ACK, sequence).interfaceInfo(0).u32(LINK.GROUP, group);
}

/** RTM_SETLINK to the bridge about a port. */
export function setBridgePort(index: number, { hairpin, isolated, learning, neighbourSuppression }: Omit<BridgePortSet, 'op' | 'namespace' | 'name'>): Request {
  return (writer, sequence) =>
    void writer
      .begin(RTM.SETLINK, ACK, sequence)
      .interfaceInfo(index, 0, 0, AF_BRIDGE)
      .nest(LINK.PROTINFO, () => {
        if (hairpin !== undefined) writer.u8(LINK.BRPORT_MODE, hairpin ? 1 : 0);
        if (learning !== undefined) writer.u8(LINK.BRPORT_LEARNING, learning ? 1 : 0);
        if (neighbourSuppression !== undefined) writer.u8(LINK.BRPORT_NEIGH_SUPPRESS, neighbourSuppression ? 1 : 0);
        if (isolated !== undefined) writer.u8(LINK.BRPORT_ISOLATED, isolated ? 1 : 0);
      });
}

/** RTM_GETLINK of one link; the reply begins with a struct ifinfomsg. An ioctl would ask for modules by that name (dev_load). */
export function findLink(name: string): Request {
  return (writer, sequence) =>
    void writer.begin(RTM.GETLINK, ACK, sequence).interfaceInfo(0).u32(LINK.EXT_MASK, LINK.EXT_MASK_SKIP_STATS).text(LINK.IFNAME, linkName(name));
}

/** RTM_GETLINK of every link of the namespace. */
export function listLinks(): Request {
  return (writer, sequence) =>
    void writer.begin(RTM.GETLINK, NLM_F.DUMP, sequence).interfaceInfo(0, 0, 0, AF_UNSPEC).u32(LINK.EXT_MASK, LINK.EXT_MASK_SKIP_STATS);
}

function hardware(writer: MessageWriter, link: { readonly mac?: string | undefined; readonly mtu?: number | undefined }): void {
  if (link.mac !== undefined) writer.bytes(LINK.ADDRESS, parseMac(link.mac));
  if (link.mtu !== undefined) writer.u32(LINK.MTU, link.mtu);
}
