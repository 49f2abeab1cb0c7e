import type { Kernel } from './kernel.ts';
import { NetlinkKernel } from './netlink-kernel.ts';

/** How operations are carried out: by system calls, or by the programs of iproute2. */
export interface KernelOptions {
  /** Default: NETCTL_KERNEL of the environment, else `netlink`. */
  readonly executor?: 'netlink' | 'iproute2';
}

/**
 * The kernel of the host in whose network namespace this process runs.
 * @throws {NetworkError} INTERNAL when the worker does not come up
 *
 * @example
 * ```ts
 * await using kernel = await openKernel();
 * await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
 * ```
 */
export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const executor = options.executor ?? (process.env['NETCTL_KERNEL'] === 'iproute2' ? 'iproute2' : 'netlink');
  return NetlinkKernel.open({ executor });
}
