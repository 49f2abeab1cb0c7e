import { readdir, readlink } from 'node:fs/promises';
import type { NamespacePath } from '../kernel/op.ts';

/**
 * A way into a network namespace that has lost its name and that some process still lives in.
 * @param identity `device:inode` of the namespace
 */
export async function heldNamespace(identity: string): Promise<NamespacePath | undefined> {
  const wanted = `net:[${identity.slice(identity.indexOf(':') + 1)}]`;
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(processes.map(async (pid) => ((await namespaceOf(pid)) === wanted ? pid : undefined)));
  const pid = found.find((one) => one !== undefined);
  return pid === undefined ? undefined : `/proc/${pid}/ns/net`;
}

/** Undefined for a process that has ended, and for a kernel thread. */
async function namespaceOf(pid: string): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
