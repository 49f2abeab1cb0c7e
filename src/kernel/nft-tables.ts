import { ERRNO, kernelError } from './errno.ts';
import type { NftTable } from './firewall-command.ts';
import { NETFILTER, NETLINK, NLM_F } from './netlink/constants.ts';
import { batchBoundary } from './netlink/element-messages.ts';
import { NetlinkSocket, type Request } from './netlink/netlink-socket.ts';

/** linux/netfilter.h: NFPROTO_* */
const FAMILIES = { ip: 2, bridge: 7, ip6: 10 } as const;

/**
 * Deletes tables that hold nothing, in the namespace in which the thread stands; others, and those that
 * are not there, are passed over. `nft delete table` has no such word: it deletes what is inside as well.
 * @throws {NetworkError} KERNEL
 */
export function deleteEmptyTables(tables: readonly NftTable[]): void {
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  for (const { family, table } of tables) {
    const [answer] = socket.transactAsOne([deleteEmptyTable(family, table)], { begin: batchBoundary('begin'), end: batchBoundary('end') });
    const errno = answer?.refusal?.errno ?? 0;
    if (errno !== 0 && errno !== ERRNO.EBUSY && errno !== ERRNO.ENOENT) throw kernelError(errno, `delete empty table ${family} ${table}`, answer?.refusal?.text);
  }
}

function deleteEmptyTable(family: NftTable['family'], table: string): Request {
  const type = (NETFILTER.SUBSYS_NFTABLES << 8) | NETFILTER.NFT_DELTABLE;
  // struct nfgenmsg
  return (writer, sequence) => void writer.begin(type, NLM_F.ACK | NLM_F.NONREC, sequence).raw(Uint8Array.of(FAMILIES[family], 0, 0, 0)).text(NETFILTER.TABLE_NAME, table);
}
