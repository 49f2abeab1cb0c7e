import { PeerProcess } from '../peer-process.ts';
import type { PeerKind } from '../peers/peer.ts';
import type { Progress } from '../report/progress.ts';
import { firstLine } from './first-line.ts';

/** Peers that have come up; disposing ends them and their hosts. */
export interface StartedPeers extends AsyncDisposable {
  readonly running: readonly PeerProcess[];
}

/** How many come up side by side. */
const ABREAST = 3;

/**
 * Starts peers, each in a host of its own.
 * @param failed takes the reason of those that did not come up, by name
 */
export async function startPeers(kinds: readonly PeerKind[], progress: Progress, failed: Map<string, string>): Promise<StartedPeers> {
  await using stack = new AsyncDisposableStack();
  const started = new Map<string, PeerProcess>();
  const waiting = [...kinds];
  const start = async (): Promise<void> => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift()) {
      progress.say(`starting ${kind.name}`);
      try {
        started.set(kind.name, stack.use(await PeerProcess.start(kind)));
      } catch (error) {
        failed.set(kind.name, firstLine(error));
      }
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, start));
  const running = kinds.flatMap(({ name }) => started.get(name) ?? []);
  const owned = stack.move();
  return { running, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
