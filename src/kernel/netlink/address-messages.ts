import { SOCKET } from '../sys.ts';
import { ADDRESS, NLM_F, RTM } from './constants.ts';
import type { Request } from './netlink-socket.ts';
import { parsePrefix } from './parse.ts';
import type { RawPrefix } from './parse.ts';

/** `ip addr add ADDRESS brd + dev …`; IPv6 without duplicate address detection, because the pools know who has which address. */
export function newAddress(index: number, address: string): Request {
  const raw = parsePrefix(address);
  return (writer, sequence) => {
    writer.begin(RTM.NEWADDR, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, sequence).addressInfo(raw.family, raw.prefix, index);
    writer.bytes(ADDRESS.LOCAL, raw.bytes).bytes(ADDRESS.ADDRESS, raw.bytes);
    if (raw.family === SOCKET.AF_INET6) writer.u32(ADDRESS.FLAGS, ADDRESS.F_NODAD);
    else if (raw.prefix < 31) writer.bytes(ADDRESS.BROADCAST, broadcast(raw));
  };
}

/** `ip addr del ADDRESS dev …` */
export function deleteAddress(index: number, raw: RawPrefix): Request {
  return (writer, sequence) =>
    void writer
      .begin(RTM.DELADDR, NLM_F.ACK, sequence)
      .addressInfo(raw.family, raw.prefix, index)
      .bytes(ADDRESS.LOCAL, raw.bytes)
      .bytes(ADDRESS.ADDRESS, raw.bytes);
}

/** RTM_GETADDR of every address of the namespace, both families. */
export function listAddresses(): Request {
  return (writer, sequence) => void writer.begin(RTM.GETADDR, NLM_F.DUMP, sequence).addressInfo(0, 0, 0);
}

/** The last address of an IPv4 subnet. */
function broadcast(raw: RawPrefix): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((raw.bytes.readUInt32BE(0) | (0xffff_ffff >>> raw.prefix)) >>> 0);
  return bytes;
}
