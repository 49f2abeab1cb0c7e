import { openKernel } from '../../src/kernel/open-kernel.ts';

/** `ip netns add` for each name. */
export async function makeNamespaces(names: readonly string[]): Promise<void> {
  await using kernel = await openKernel();
  await kernel.apply(names.map((name) => ({ op: 'namespace-add', name }) as const));
}
