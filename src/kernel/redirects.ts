/** Redirects inside namespaces, over sockets that stand in them for the length of one call. */
import { ERRNO, kernelError } from './errno.ts';
import { NETLINK } from './netlink/constants.ts';
import { batchBoundary } from './netlink/element-messages.ts';
import { NetlinkSocket, type Request } from './netlink/netlink-socket.ts';
import { deleteRedirect, findRedirect, isRedirect, listRedirect, newRedirect } from './netlink/redirect-messages.ts';
import type { NamespaceHandle, Namespaces } from './netns.ts';
import type { RedirectState } from './redirect.ts';

/** How redirects are changed. */
export interface RedirectPlace {
  readonly namespaces: Namespaces;
  readonly namespace: NamespaceHandle;
  /** Closes a descriptor on another thread: close(2) waits 15 ms until rules that were deleted are out of sight of every CPU. */
  readonly discard: (fd: number) => void;
  /** What is done, for a refusal. */
  readonly words: string;
}

/** Puts a redirect in place. @throws {NetworkError} KERNEL, INVALID */
export function setRedirectIn(place: RedirectPlace, state: RedirectState): void {
  transact(place, (socket) => [...(isThere(socket, state.table) ? [deleteRedirect(state.table)] : []), ...newRedirect(state)]);
}

/** Deletes one; one that is not there is fine. @throws {NetworkError} KERNEL */
export function deleteRedirectIn(place: RedirectPlace, table: string): void {
  transact(place, (socket) => (isThere(socket, table) ? [deleteRedirect(table)] : []));
}

/** Those of the redirects that stand exactly so. @throws {NetworkError} KERNEL, INVALID */
export function redirectsInPlace(namespaces: Namespaces, wanted: readonly RedirectState[]): RedirectState[] {
  return wanted.filter((state) => {
    using namespace = namespaces.open(state.namespace);
    if (namespace === undefined) return false;
    using socket = namespaces.inside(namespace, () => new NetlinkSocket(NETLINK.NETFILTER));
    return isRedirect(state, socket.dump(listRedirect(state.table), `list the rules of ${state.table} in ${state.namespace}`).map(({ payload }) => payload));
  });
}

/** A refused transaction, and one that makes room for what is not there, cost far more than a look before. */
function isThere(socket: NetlinkSocket, table: string): boolean {
  const [answer] = socket.transact([findRedirect(table)]);
  return answer?.refusal?.errno !== ERRNO.ENOENT;
}

function transact({ namespaces, namespace, discard, words }: RedirectPlace, plan: (socket: NetlinkSocket) => readonly Request[]): void {
  const socket = namespaces.inside(namespace, () => new NetlinkSocket(NETLINK.NETFILTER));
  try {
    const requests = plan(socket);
    if (requests.length === 0) return;
    for (const { refusal } of socket.transactAsOne(requests, { begin: batchBoundary('begin'), end: batchBoundary('end') })) {
      if (refusal !== undefined) throw kernelError(refusal.errno, words, refusal.text);
    }
  } finally {
    discard(socket.detach());
  }
}
