import { ERRNO, errnoOf } from '../errno.ts';
import type { FdbState, NeighbourState } from '../forwarding-state.ts';
import type { LinkTables, TableRequest } from '../snapshot.ts';
import { SOCKET } from '../sys.ts';
import type { Channel } from './channel.ts';
import { listFdb, listNeighbours, parseEntry } from './neighbour-messages.ts';
import type { NetlinkSocket, Request } from './netlink-socket.ts';

/**
 * `bridge fdb show brport LINK` and `ip neigh show dev LINK nud permanent`, without what the kernel put there itself.
 * @returns undefined for a link that is not there
 * @throws {NetworkError} KERNEL
 */
export function readTables(channel: Channel, { namespace, link, forwarding, neighbours }: TableRequest): LinkTables | undefined {
  const index = channel.findIndex(link);
  if (index === undefined) return undefined;
  return {
    namespace,
    link,
    ...(forwarding ? { forwarding: readForwarding(channel.socket, index) } : {}),
    ...(neighbours ? { neighbours: [SOCKET.AF_INET, SOCKET.AF_INET6].flatMap((family) => readNeighbours(channel.socket, family, index)) } : {}),
  };
}

function readForwarding(socket: NetlinkSocket, index: number): FdbState[] {
  return dump(socket, listFdb(index), 'list forwarding entries').flatMap((payload) => {
    const entry = parseEntry(payload);
    return entry !== undefined && entry.permanent && entry.index === index && 'fdb' in entry ? [entry.fdb] : [];
  });
}

function readNeighbours(socket: NetlinkSocket, family: number, index: number): NeighbourState[] {
  return dump(socket, listNeighbours(family, index), 'list neighbours').flatMap((payload) => {
    const entry = parseEntry(payload);
    return entry !== undefined && entry.permanent && entry.index === index && 'neighbour' in entry ? [entry.neighbour] : [];
  });
}

function dump(socket: NetlinkSocket, request: Request, what: string): Buffer[] {
  try {
    return socket.dump(request, what).map(({ payload }) => payload);
  } catch (error) {
    // The link went in between, or IPv6 is compiled out.
    if (errnoOf(error) === ERRNO.ENODEV || errnoOf(error) === ERRNO.EOPNOTSUPP) return [];
    throw error;
  }
}
