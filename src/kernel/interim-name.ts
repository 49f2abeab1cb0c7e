import { createHash } from 'node:crypto';
import type { LinkAdd, LinkParent } from './op.ts';

/** The parent of a link that is made in another namespace than the one its parent stands in. */
export function distantParent({ kind, namespace }: LinkAdd): LinkParent | undefined {
  return 'parent' in kind && kind.parent.namespace !== namespace ? kind.parent : undefined;
}

/**
 * The name under which such a link is born. Kernels before 6.15 look for its name where the parent
 * stands and refuse one that is taken there, be it by the parent: `eth0` on `eth0` (net/core/rtnetlink.c).
 */
export function interimName({ namespace, name }: LinkAdd): string {
  return `new${createHash('sha256').update(`${namespace}\n${name}`).digest('hex').slice(0, 10)}`;
}
