import { kernelError } from './errno.ts';
import type { NftElementChange, NftField } from './firewall-command.ts';
import { batchBoundary, changeElements } from './netlink/element-messages.ts';
import { NETLINK } from './netlink/constants.ts';
import { NetlinkSocket } from './netlink/netlink-socket.ts';
import { SOCKET, trySocketOption } from './sys.ts';

/**
 * `nft add element` and `delete element` without nft, in the namespace in which the thread stood at the
 * first change: what it costs does not depend on how much other rules there are.
 */
export class NftElements implements Disposable {
  #socket: NetlinkSocket | undefined;

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }

  /** All of them in one transaction, or none. @throws {NetworkError} KERNEL naming the first that was refused, INVALID */
  change(changes: readonly NftElementChange[]): void {
    const requests = changeElements(changes);
    this.#socket ??= openSocket();
    const answers = this.#socket.transactAsOne(requests, { begin: batchBoundary('begin'), end: batchBoundary('end') });
    for (const { refusal } of answers) {
      if (refusal !== undefined) throw kernelError(refusal.errno, `nft ${words(changes)}`, refusal.text);
    }
  }
}

/** One send holds a whole transaction, which the usual 208 KiB would end at 4000 ports. */
const SEND_BUFFER = 16 << 20;

function openSocket(): NetlinkSocket {
  const socket = new NetlinkSocket(NETLINK.NETFILTER);
  trySocketOption(socket.fd, SOCKET.SOL_SOCKET, SOCKET.SO_SNDBUFFORCE, SEND_BUFFER);
  return socket;
}

/** As somebody would have typed it; of many, the first one stands for all. */
function words(changes: readonly NftElementChange[]): string {
  const [first] = changes;
  if (first === undefined) return '';
  const data = first.change === 'add' && first.data !== undefined ? ` : ${joined(first.data)}` : '';
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  return `${first.change} element ${first.family} ${first.table} ${first.set} { ${joined(first.key)}${data} }${more}`;
}

function joined(fields: readonly NftField[]): string {
  return fields.map(({ value }) => value).join(' . ');
}
