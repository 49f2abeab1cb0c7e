import { FLOOD_MAC, type FdbState, type NeighbourState } from '../forwarding-state.ts';
import type { EntryChange, FdbChange, NeighbourChange } from '../op.ts';
import { addressText, SOCKET } from '../sys.ts';
import { NEIGHBOUR, NLM_F, RTM } from './constants.ts';
import { Attributes } from './message-reader.ts';
import type { Request } from './netlink-socket.ts';
import { macText, parseAddress, parseMac } from './parse.ts';

/** linux/socket.h: PF_BRIDGE */
const AF_BRIDGE = 7;

/** The request for an entry at the link of this index. @throws {NetworkError} INVALID */
export function changeEntry(index: number, op: EntryChange): Request {
  switch (op.op) {
    case 'fdb-add':
    case 'fdb-delete':
      return changeFdb(index, op);
    default:
      return changeNeighbour(index, op);
  }
}

/** `bridge fdb replace|append|delete …` */
function changeFdb(index: number, op: FdbChange): Request {
  const mac = parseMac(op.mac);
  const { type, flags } = verb(op.op === 'fdb-add', op.mac === FLOOD_MAC ? NLM_F.APPEND : NLM_F.REPLACE);
  if ('master' in op) {
    // Not sticky, a static entry follows the first frame that claims its MAC, and with learning off at our port nothing brings it back.
    const sticky = op.op === 'fdb-add' ? NEIGHBOUR.NTF_STICKY : 0;
    return (writer, sequence) => {
      writer.begin(type, flags, sequence).raw(header(AF_BRIDGE, index, NEIGHBOUR.NUD_NOARP, NEIGHBOUR.NTF_MASTER | sticky)).bytes(NEIGHBOUR.LLADDR, mac);
    };
  }
  const { bytes } = parseAddress(op.destination);
  return (writer, sequence) => {
    writer.begin(type, flags, sequence).raw(header(AF_BRIDGE, index, NEIGHBOUR.NUD_NOARP | NEIGHBOUR.NUD_PERMANENT, NEIGHBOUR.NTF_SELF)).bytes(NEIGHBOUR.LLADDR, mac).bytes(NEIGHBOUR.DST, bytes);
  };
}

/** `ip neigh replace|delete …` */
function changeNeighbour(index: number, op: NeighbourChange): Request {
  const { family, bytes } = parseAddress(op.address);
  const mac = parseMac(op.mac);
  const add = op.op === 'neighbour-add';
  const { type, flags } = verb(add, NLM_F.REPLACE);
  return (writer, sequence) => {
    writer.begin(type, flags, sequence).raw(header(family, index, NEIGHBOUR.NUD_PERMANENT, 0)).bytes(NEIGHBOUR.DST, bytes);
    if (add) writer.bytes(NEIGHBOUR.LLADDR, mac);
  };
}

function verb(add: boolean, how: number): { readonly type: number; readonly flags: number } {
  return add ? { type: RTM.NEWNEIGH, flags: NLM_F.ACK | NLM_F.CREATE | how } : { type: RTM.DELNEIGH, flags: NLM_F.ACK };
}

/** RTM_GETNEIGH of the forwarding databases in which a link has entries: its own, and that of its bridge. */
export function listFdb(index: number): Request {
  return (writer, sequence) => void writer.begin(RTM.GETNEIGH, NLM_F.DUMP, sequence).raw(header(AF_BRIDGE, index, 0, 0));
}

/** RTM_GETNEIGH of one family's neighbours at a link. */
export function listNeighbours(family: number, index: number): Request {
  return (writer, sequence) => void writer.begin(RTM.GETNEIGH, NLM_F.DUMP, sequence).raw(header(family, 0, 0, 0)).u32(NEIGHBOUR.IFINDEX, index);
}

/** struct ndmsg */
function header(family: number, index: number, state: number, flags: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = family;
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt16LE(state, 8);
  bytes[10] = flags;
  return bytes;
}

/** What a message about a forwarding database or neighbour table says. */
export type EntryMessage =
  | { readonly index: number; readonly permanent: boolean; readonly fdb: FdbState }
  | { readonly index: number; readonly permanent: boolean; readonly neighbour: NeighbourState };

/**
 * A struct ndmsg with its attributes. `permanent`: somebody put it there, and it stays: not learned, not one that the
 * kernel made for itself (own addresses, multicast), not a routing daemon's (`extern_learn`).
 * @returns undefined for what is neither, such as the filters of network cards
 */
export function parseEntry(payload: Buffer): EntryMessage | undefined {
  if (payload.length < 12) return undefined;
  const family = payload.readUInt8(0);
  const index = payload.readInt32LE(4);
  const state = payload.readUInt16LE(8);
  const attributes = new Attributes(payload, 12);
  const destination = attributes.bytes(NEIGHBOUR.DST);
  const bytes = attributes.bytes(NEIGHBOUR.LLADDR);
  const mac = bytes?.length === 6 ? macText(bytes) : undefined;
  const flags = payload.readUInt8(10);
  const stays = (flags & (NEIGHBOUR.NTF_EXT_LEARNED | NEIGHBOUR.NTF_PROXY)) === 0;
  if (family !== AF_BRIDGE) {
    if ((family !== SOCKET.AF_INET && family !== SOCKET.AF_INET6) || destination === undefined) return undefined;
    return { index, permanent: stays && (state & NEIGHBOUR.NUD_PERMANENT) !== 0, neighbour: { address: addressText(destination), mac: mac ?? '' } };
  }
  // A bridge that could filter VLANs has each entry once more for each VLAN of the port; the one without is what we set.
  if (mac === undefined || isMulticast(bytes) || attributes.bytes(NEIGHBOUR.VLAN) !== undefined) return undefined;
  // A bridge's own addresses are PERMANENT; NOARP alone is what it calls static. Ours stays where it leads when a routing daemon marks it as its own too.
  if (attributes.u32(NEIGHBOUR.MASTER) !== undefined) return { index, permanent: (stays || (flags & NEIGHBOUR.NTF_STICKY) !== 0) && state === NEIGHBOUR.NUD_NOARP, fdb: { mac, master: true } };
  return destination === undefined ? undefined : { index, permanent: stays && (state & NEIGHBOUR.NUD_PERMANENT) !== 0, fdb: { mac, destination: addressText(destination) } };
}

function isMulticast(mac: Buffer | undefined): boolean {
  return mac !== undefined && ((mac[0] ?? 0) & 1) !== 0;
}
