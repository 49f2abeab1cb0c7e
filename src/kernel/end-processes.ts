import { readdirSync, statSync } from 'node:fs';
import { closeFile, killProcess, openProcess, pollReadable } from './sys.ts';

/** ms until all have to be gone; a process that hangs in a driver is never gone. */
const PATIENCE = 1_000;

/**
 * Kills every process in a network namespace and waits until they are gone, again until a look
 * finds nobody: one that was killed forks no more. A process is held by a descriptor before it is
 * looked at (pidfd_open(2)), so that a number which is given again meanwhile hits nobody. Linux
 * before 5.3 has no such descriptors, and nobody is killed there.
 * @param identity as `identityOf` gives it
 */
export function endProcesses(identity: string): void {
  const deadline = performance.now() + PATIENCE;
  while (performance.now() < deadline) {
    const held = processesIn(identity);
    try {
      for (const fd of held) killProcess(fd);
      awaitEnd(held, deadline);
    } finally {
      for (const fd of held) closeFile(fd);
    }
    if (held.length === 0) return;
  }
}

/** @returns a descriptor of each; the caller closes them */
function processesIn(identity: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  return pids.flatMap((pid) => {
    // Most are elsewhere, and one look is enough to see that.
    const fd = isIn(pid, identity) ? openProcess(pid) : undefined;
    if (fd === undefined || isIn(pid, identity)) return fd ?? [];
    closeFile(fd);
    return [];
  });
}

function isIn(pid: number, identity: string): boolean {
  try {
    const found = statSync(`/proc/${pid}/ns/net`, { bigint: true });
    return `${found.dev}:${found.ino}` === identity;
  } catch {
    // It has ended.
    return false;
  }
}

function awaitEnd(fds: readonly number[], deadline: number): void {
  let alive = fds;
  while (alive.length > 0 && performance.now() < deadline) {
    const ended = new Set(pollReadable(alive, Math.ceil(deadline - performance.now())));
    alive = alive.filter((fd) => !ended.has(fd));
  }
}
