/** Where things are in the shared store. */

export const HOSTS = 'host/';
export const NETWORKS = 'network/';
export const ENDPOINTS = 'endpoint/';
export const BLOCKS = 'block/';
export const CLAIMS = 'claim/';

export const RECALLS = 'recall/';
export const JOINED = 'joined/';

/** A {@link HostRecord}. */
export function hostKey(hostId: string): string {
  return `${HOSTS}${hostId}`;
}

/** The id of the host whose VTEP has this address: two of them cannot. */
export function addressKey(address: string): string {
  return `address/${address}`;
}

/** A {@link SharedNetwork}. */
export function networkKey(id: string): string {
  return `${NETWORKS}${id}`;
}

/** The id of the network that has this name. */
export function nameKey(name: string): string {
  return `name/${name}`;
}

/** The id of the network that has this number. */
export function vniKey(vni: number): string {
  return `vni/${String(vni)}`;
}

/** Written with every network that comes or goes: whoever makes one has seen all the others, and their subnets. */
export const SUBNETS_KEY = 'subnets';

/** Written whenever a host takes or gives back addresses of a network, or its engine joins or leaves: whoever removes it has seen who has it. */
export function lendingKey(networkId: string): string {
  return `lending/${networkId}`;
}

/** A {@link SharedEndpoint}. */
export function endpointKey(networkId: string, id: string): string {
  return `${ENDPOINTS}${networkId}/${id}`;
}

/** A {@link BlockRecord}. */
export function blockKey(networkId: string, block: string): string {
  return `${BLOCKS}${networkId}/${block}`;
}

/** A {@link RecallRecord}. */
export function recallKey(networkId: string): string {
  return `${RECALLS}${networkId}`;
}

/** A {@link JoinedRecord}. */
export function joinedKey(networkId: string, hostId: string): string {
  return `${JOINED}${networkId}/${hostId}`;
}

/** A {@link ClaimRecord}. */
export function claimKey(networkId: string, address: string): string {
  return `${CLAIMS}${networkId}/${address}`;
}
