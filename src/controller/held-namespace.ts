import { open } from 'node:fs/promises';
import type { NamespacePath } from '../kernel/op.ts';

/** A namespace that lives at least until it is released, and a path to it that stays when its name is gone. */
export interface HeldNamespace {
  readonly path: NamespacePath;
  readonly release: () => Promise<void>;
}

/** Holds a namespace by a descriptor of this process; undefined when there is none. */
export async function holdNamespace(path: NamespacePath): Promise<HeldNamespace | undefined> {
  try {
    const handle = await open(path);
    return { path: `/proc/self/fd/${handle.fd}`, release: () => handle.close() };
  } catch {
    return undefined;
  }
}
