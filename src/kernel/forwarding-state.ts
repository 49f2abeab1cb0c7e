/** Permanent entries of the tables by which frames find their way: what a control plane knows, so that nobody has to learn or ask. */

/** The MAC under which a VXLAN link keeps the hosts to which it floods what is for everybody, or for a MAC that it does not know. */
export const FLOOD_MAC = '00:00:00:00:00:00';

/** One entry of a forwarding database; MAC in lower case. */
export type FdbState =
  /** Of a VXLAN link itself: the host behind which a MAC is, a plain address in canonical text. {@link FLOOD_MAC} may have several. */
  | { readonly mac: string; readonly destination: string }
  /** Of the bridge that the link is a port of: the MAC is behind this port, whatever frames from elsewhere claim. */
  | { readonly mac: string; readonly master: true };

/** What tells an entry from all others of its link. */
export function fdbKey(entry: FdbState): string {
  return `${entry.mac} ${'master' in entry ? 'master' : entry.destination}`;
}

/** One entry of a neighbour table. */
export interface NeighbourState {
  /** Plain address, canonical text. */
  readonly address: string;
  /** In lower case. */
  readonly mac: string;
}
