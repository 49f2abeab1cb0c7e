import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST, type Op } from '../../src/kernel/op.ts';
import type { Endpoint } from '../peers/peer.ts';
import { rawEndpoint, type RawPlace } from './raw-ops.ts';

/**
 * Endpoints that are only there: the links and addresses that an attached one has, made by netlink,
 * because a peer that takes 50 ms for each would need minutes for a thousand.
 */
export async function makeGhosts(endpoints: readonly Endpoint[], place: RawPlace & { readonly addressOf?: (endpoint: Endpoint) => string }): Promise<void> {
  await using kernel = await openKernel();
  const bridge = (up: boolean): Op => ({ op: 'link-set', namespace: HOST, name: place.bridge, up });
  const ops = endpoints.flatMap((endpoint) =>
    rawEndpoint(`gh${String(endpoint.number)}`, endpoint.namespace, endpoint.number, {
      ...place,
      ...(place.addressOf === undefined ? {} : { address: place.addressOf(endpoint) }),
    }),
  );
  // Down, so that what each new port says is not heard by all the others.
  await kernel.apply([bridge(false), ...ops, bridge(true)]);
}
