/** What stands in IFLA_LINKINFO of a VXLAN link, both ways. */
import { addressText } from '../sys.ts';
import type { VxlanTraits } from '../vxlan-traits.ts';
import { VXLAN } from './constants.ts';
import type { Attributes } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import { parseAddress } from './parse.ts';

/**
 * IFLA_INFO_DATA of a new link.
 *
 * Checksums: always. Where the outer one is left out and something translates the outer packet, kernels before 5.7
 * "update" the zero, and every packet is dropped on arrival until TCP gives up on offloading: the 63 s connections of
 * flannel #1279 (fixed by ea64d8d6c675). It costs next to nothing, since it follows from the inner one (local checksum
 * offload), and lets the receiver merge segments without looking at the inner one. Over IPv6 RFC 8200 wants it anyway; that
 * zeros are not taken there either is the default, and has to be: links whose flags for receiving differ cannot share a
 * UDP port (vxlan_find_sock), and the port may be somebody else's too.
 *
 * Don't Fragment: as the inner packet says. So a router with a smaller MTU on the way tells this host, which tells the
 * sandbox (skb_tunnel_check_pmtu), and TCP adapts; what may be fragmented arrives, in fragments. `unset` would never find out, `set`
 * would swallow large datagrams without a word. In IPv6 only the sender fragments, and nothing is to be said.
 *
 * TTL stays that of the route (64): inheriting would end a packet with TTL 1 at the first router.
 */
export function writeVxlan(writer: MessageWriter, { id, port, local, learning = false }: VxlanTraits): void {
  const { bytes } = parseAddress(local);
  writer.u32(VXLAN.ID, id).u16BigEndian(VXLAN.PORT, port).u8(VXLAN.LEARNING, learning ? 1 : 0);
  if (bytes.length === 4) writer.bytes(VXLAN.LOCAL, bytes).u8(VXLAN.UDP_CSUM, 1).u8(VXLAN.DF, VXLAN.DF_INHERIT);
  else writer.bytes(VXLAN.LOCAL6, bytes).u8(VXLAN.UDP_ZERO_CSUM6_TX, 0).u8(VXLAN.UDP_ZERO_CSUM6_RX, 0);
}

/** The same as `ip` takes it. */
export function vxlanWords({ id, port, local, learning = false }: VxlanTraits): string[] {
  const checksums = local.includes(':') ? ['noudp6zerocsumtx', 'noudp6zerocsumrx'] : ['udpcsum', 'df', 'inherit'];
  return ['id', String(id), 'dstport', String(port), 'local', local, learning ? 'learning' : 'nolearning', ...checksums];
}

/** Of a link as it is; undefined for other kinds, and for one that was made without a VNI or an address to send from. */
export function readVxlan(kind: string | undefined, data: Attributes | undefined): VxlanTraits | undefined {
  if (kind !== 'vxlan' || data === undefined) return undefined;
  const id = data.u32(VXLAN.ID);
  const port = data.u16BigEndian(VXLAN.PORT);
  const local = data.bytes(VXLAN.LOCAL6) ?? data.bytes(VXLAN.LOCAL);
  if (id === undefined || port === undefined || local === undefined) return undefined;
  return { id, port, local: addressText(local), learning: data.u8(VXLAN.LEARNING) === 1 };
}
