/** WireGuard's part of generic netlink, both ways (linux/wireguard.h, linux/genetlink.h). */
import { addressText, SOCKET } from '../sys.ts';
import type { WireguardPeer, WireguardSnapshot } from '../wireguard-state.ts';
import { NLM_F } from './constants.ts';
import { Attributes, readAttributeList } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { Request } from './netlink-socket.ts';
import { parseAddress, parsePrefix } from './parse.ts';

/** linux/genetlink.h: the family that knows the others */
const CONTROL = { FAMILY: 0x10, GETFAMILY: 3, VERSION: 2, FAMILY_ID: 1, FAMILY_NAME: 2 } as const;

/** linux/wireguard.h: commands, and WGDEVICE_A_*, WGPEER_A_*, WGPEER_F_*, WGALLOWEDIP_A_* */
const WIREGUARD = { NAME: 'wireguard', VERSION: 1, GET_DEVICE: 0, SET_DEVICE: 1 } as const;
const DEVICE = { IFINDEX: 1, PRIVATE_KEY: 3, PUBLIC_KEY: 4, LISTEN_PORT: 6, PEERS: 8 } as const;
const PEER = { PUBLIC_KEY: 1, FLAGS: 3, ENDPOINT: 4, ALLOWED: 9, REMOVE: 1, REPLACE_ALLOWED: 2 } as const;
const ALLOWED = { FAMILY: 1, ADDRESS: 2, LENGTH: 3 } as const;

/** struct genlmsghdr */
const HEADER = 4;
/** Elements of a list have no type of their own. */
const ELEMENT = 0;

const KEY_BYTES = 32;
const NO_KEY = Buffer.alloc(KEY_BYTES);

/** CTRL_CMD_GETFAMILY: the number under which WireGuard is spoken with; the kernel loads its module, where there is one. */
export function findWireguard(): Request {
  return (writer, sequence) => void begin(writer, { family: CONTROL.FAMILY, command: CONTROL.GETFAMILY, version: CONTROL.VERSION, flags: NLM_F.ACK }, sequence).text(CONTROL.FAMILY_NAME, WIREGUARD.NAME);
}

/** The number out of the answer. */
export function readFamily(reply: Buffer): number | undefined {
  return new Attributes(reply, HEADER).u16(CONTROL.FAMILY_ID);
}

/** WG_CMD_SET_DEVICE: what the link is itself. @param privateKey 32 bytes */
export function setDevice(family: number, index: number, privateKey: Buffer, port: number): Request {
  return (writer, sequence) => void device(writer, family, index, sequence).bytes(DEVICE.PRIVATE_KEY, privateKey).u16(DEVICE.LISTEN_PORT, port);
}

/** WG_CMD_SET_DEVICE: one more peer, or what one is from now on. */
export function setPeer(family: number, index: number, { publicKey, endpoint, allowed }: WireguardPeer): Request {
  return changePeer(family, index, publicKey, (writer) => {
    writer.u32(PEER.FLAGS, PEER.REPLACE_ALLOWED).bytes(PEER.ENDPOINT, socketAddress(endpoint));
    writer.nest(PEER.ALLOWED, () => {
      for (const block of allowed) writer.nest(ELEMENT, () => writeAllowed(writer, block));
    });
  });
}

/** WG_CMD_SET_DEVICE: without this peer; one that is not there is fine. */
export function removePeer(family: number, index: number, publicKey: string): Request {
  return changePeer(family, index, publicKey, (writer) => void writer.u32(PEER.FLAGS, PEER.REMOVE));
}

/** WG_CMD_GET_DEVICE, a dump: a long list of peers comes in several messages. */
export function getDevice(family: number, index: number): Request {
  return (writer, sequence) => void begin(writer, { family, command: WIREGUARD.GET_DEVICE, version: WIREGUARD.VERSION, flags: NLM_F.DUMP }, sequence).u32(DEVICE.IFINDEX, index);
}

/** What those messages say together. */
export function parseDevice(payloads: readonly Buffer[]): WireguardSnapshot {
  let publicKey: string | undefined;
  let port = 0;
  const peers = new Map<string, WireguardSnapshot['peers'][number]>();
  for (const payload of payloads) {
    const attributes = new Attributes(payload, HEADER);
    const key = attributes.bytes(DEVICE.PUBLIC_KEY);
    if (key !== undefined && !key.equals(NO_KEY)) publicKey = key.toString('base64');
    port = attributes.u16(DEVICE.LISTEN_PORT) ?? port;
    for (const one of readAttributeList(attributes.bytes(DEVICE.PEERS) ?? Buffer.alloc(0))) {
      const peer = parsePeer(one);
      // One with many addresses goes on in the next message.
      peers.set(peer.publicKey, { ...peers.get(peer.publicKey), ...peer, allowed: [...(peers.get(peer.publicKey)?.allowed ?? []), ...peer.allowed] });
    }
  }
  return { publicKey, port, peers: [...peers.values()] };
}

function parsePeer(nest: Buffer): WireguardSnapshot['peers'][number] {
  const attributes = new Attributes(nest);
  const endpoint = readSocketAddress(attributes.bytes(PEER.ENDPOINT));
  const allowed = readAttributeList(attributes.bytes(PEER.ALLOWED) ?? Buffer.alloc(0)).map((one) => {
    const found = new Attributes(one);
    return `${addressText(found.bytes(ALLOWED.ADDRESS) ?? Buffer.alloc(4))}/${String(found.u8(ALLOWED.LENGTH) ?? 0)}`;
  });
  return { publicKey: (attributes.bytes(PEER.PUBLIC_KEY) ?? NO_KEY).toString('base64'), allowed, ...(endpoint === undefined ? {} : { endpoint }) };
}

function changePeer(family: number, index: number, publicKey: string, content: (writer: MessageWriter) => void): Request {
  return (writer, sequence) =>
    void device(writer, family, index, sequence).nest(DEVICE.PEERS, () =>
      writer.nest(ELEMENT, () => content(writer.bytes(PEER.PUBLIC_KEY, Buffer.from(publicKey, 'base64')))),
    );
}

function writeAllowed(writer: MessageWriter, block: string): void {
  const { family, bytes, prefix } = parsePrefix(block);
  writer.u16(ALLOWED.FAMILY, family).bytes(ALLOWED.ADDRESS, bytes).u8(ALLOWED.LENGTH, prefix);
}

function device(writer: MessageWriter, family: number, index: number, sequence: number): MessageWriter {
  return begin(writer, { family, command: WIREGUARD.SET_DEVICE, version: WIREGUARD.VERSION, flags: NLM_F.ACK }, sequence).u32(DEVICE.IFINDEX, index);
}

function begin(writer: MessageWriter, { family, command, version, flags }: { readonly family: number; readonly command: number; readonly version: number; readonly flags: number }, sequence: number): MessageWriter {
  return writer.begin(family, flags, sequence).raw(Uint8Array.of(command, version, 0, 0));
}

/** struct sockaddr_in, struct sockaddr_in6 */
function socketAddress({ address, port }: WireguardPeer['endpoint']): Buffer {
  const { family, bytes } = parseAddress(address);
  const all = Buffer.alloc(family === SOCKET.AF_INET ? 16 : 28);
  all.writeUInt16LE(family);
  all.writeUInt16BE(port, 2);
  bytes.copy(all, family === SOCKET.AF_INET ? 4 : 8);
  return all;
}

function readSocketAddress(bytes: Buffer | undefined): WireguardPeer['endpoint'] | undefined {
  if (bytes === undefined || bytes.length < 16) return undefined;
  const port = bytes.readUInt16BE(2);
  if (bytes.readUInt16LE(0) === SOCKET.AF_INET) return { address: addressText(bytes.subarray(4, 8)), port };
  return bytes.length < 24 ? undefined : { address: addressText(bytes.subarray(8, 24)), port };
}

