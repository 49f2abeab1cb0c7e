import { NetworkError } from '../common/error.ts';
import type { SocketRequest } from './kernel.ts';
import { openSocket } from './open-socket.ts';
import type { BoundSocket } from './protocol.ts';
import { closeFile } from './sys.ts';

/** Numbers that the kernel may offer for the first of several places before it is said that none is free at all of them. */
const MOST_OFFERS = 100;

/**
 * Opens sockets in the namespace of the calling thread, all of them or none.
 * @returns for each request its sockets, in the order of its places
 * @throws {NetworkError} IN_USE, EXHAUSTED, UNSUPPORTED, INVALID, KERNEL
 */
export function openSockets(requests: readonly SocketRequest[]): BoundSocket[][] {
  const opened: BoundSocket[][] = [];
  try {
    for (const request of requests) opened.push(openOne(request));
    return opened;
  } catch (error) {
    opened.forEach(closeAll);
    throw error;
  }
}

function openOne(request: SocketRequest): BoundSocket[] {
  if (request.port === 0 && request.places.length > 1) return openAnywhere(request);
  return request.lastPort === undefined ? openAll(request, request.port) : openWithin(request, request.lastPort);
}

function openAll({ protocol, places }: SocketRequest, port: number): BoundSocket[] {
  const opened: BoundSocket[] = [];
  try {
    for (const place of places) opened.push(openSocket(protocol, place, port));
    return opened;
  } catch (error) {
    closeAll(opened);
    throw error;
  }
}

function openWithin(request: SocketRequest, last: number): BoundSocket[] {
  for (let port = request.port; port <= last; port += 1) {
    const opened = unlessTaken(() => openAll(request, port));
    if (opened !== undefined) return opened;
  }
  throw new NetworkError('EXHAUSTED', `${words(request)}: every port from ${request.port} to ${last} is taken; give a wider range`);
}

/** The kernel chooses for one address at a time. What it chose in vain is held, so that it does not choose it again. */
function openAnywhere(request: SocketRequest): BoundSocket[] {
  const { protocol, places } = request;
  const [first, ...others] = places;
  if (first === undefined) return [];
  const offered: BoundSocket[] = [];
  try {
    while (offered.length < MOST_OFFERS) {
      const chosen = openSocket(protocol, first, 0);
      offered.push(chosen);
      const opened = unlessTaken(() => openAll({ ...request, places: others }, chosen.port));
      if (opened === undefined) continue;
      offered.pop();
      return [chosen, ...opened];
    }
  } finally {
    closeAll(offered);
  }
  throw new NetworkError('EXHAUSTED', `${words(request)}: no port was free at all of these addresses; choose one by number`);
}

function unlessTaken<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof NetworkError && error.code === 'IN_USE') return undefined;
    throw error;
  }
}

function words({ protocol, places }: SocketRequest): string {
  return `${protocol} ${places.map(({ address }) => address).join(' and ')}`;
}

function closeAll(sockets: readonly BoundSocket[]): void {
  for (const { fd } of sockets) closeFile(fd);
}
