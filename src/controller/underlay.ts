import { isHostAddress } from '../cluster/host-address.ts';
import { withoutLength } from '../common/address.ts';
import { formatCidr } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { HOST } from '../kernel/op.ts';
import type { LinkSnapshot } from '../kernel/snapshot.ts';
import { hostRoutes } from './host-routes.ts';
import { uplinkOf } from './uplink.ts';

/** What this host is in the network that lies below. */
export interface Underlay {
  /** Plain. */
  readonly address: string;
  /** Of the link that has it, bytes. */
  readonly mtu: number;
  /** Of that link. */
  readonly link: string;
  /** CIDR of what the host reaches directly. */
  readonly reaches: readonly string[];
}

/**
 * Finds the place of this host in the network that lies below.
 * @param instance id of its state folder
 * @param choose the address out of those of all links, and out of those of the link with the default route; undefined where it cannot
 * @throws {NetworkError} INVALID, and what `choose` throws
 */
export async function underlayOf(kernel: Kernel, instance: string, choose: (own: readonly string[], uplink: readonly string[]) => string | undefined): Promise<Underlay> {
  const [host] = await kernel.snapshot([HOST]);
  const links = (host?.links ?? []).filter(({ alias }) => alias?.startsWith(`netctl:${instance}:`) !== true);
  const all = links.flatMap(addressesOf);
  const uplink = host === undefined ? undefined : uplinkOf({ ...host, links });
  const address = choose(all, uplink === undefined ? [] : addressesOf(uplink));
  if (address === undefined) throw new NetworkError('INVALID', 'this host has no default route, so its address among the others is not known: name it with --advertise ADDRESS');
  const link = links.find((one) => addressesOf(one).includes(address));
  if (link === undefined) throw new NetworkError('INVALID', `address ${address} is on no interface of this host, which has ${all.join(', ')}: name one of them with --advertise`);
  return { address, mtu: link.mtu, link: link.name, reaches: hostRoutes(instance, host).onLink.map(formatCidr) };
}

function addressesOf({ addresses }: LinkSnapshot): string[] {
  return addresses.map(withoutLength).filter(isHostAddress);
}
