import type { Channel } from './netlink/channel.ts';

/**
 * Numbers for the ends of a new veth, one in each of two namespaces. Where both are the same, the kernel takes the end that came up last
 * for a link by itself, and lets others know of its carrier up to a second late (net/core/link_watch.c: linkwatch_urgent_event); until then it
 * does not hear IPv6 multicast. Between two sandboxes that were just made, both would be number 2.
 * @throws {NetworkError} KERNEL
 */
export function differentIndexes(near: Channel, far: Channel): readonly [number, number] {
  const index = near.freeIndex();
  const other = far.freeIndex();
  return [index, other === index ? other + 1 : other];
}
