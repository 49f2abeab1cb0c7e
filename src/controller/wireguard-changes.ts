/** Which peers of a WireGuard link come and go. Pure. */
import type { LinkState } from '../kernel/link-state.ts';
import type { Op } from '../kernel/op.ts';
import type { WireguardPeer, WireguardSnapshot, WireguardState } from '../kernel/wireguard-state.ts';

/**
 * Operations that make a WireGuard link what it is to be. Who goes, goes first: an address leads to one peer at a time, and takes
 * itself away from the one that had it.
 */
export function wireguardChanges({ namespace, name: link, wireguard }: LinkState, before: Pick<LinkState, 'wireguard'>): Op[] {
  if (wireguard === undefined || wireguard === before.wireguard) return [];
  const { keyFile, publicKey, port } = wireguard;
  const had = new Map(before.wireguard?.peers.map((peer) => [peer.publicKey, peer]));
  const wants = new Set(wireguard.peers.map((peer) => peer.publicKey));
  return [
    ...[...had.keys()].filter((key) => !wants.has(key)).map((key): Op => ({ op: 'wireguard-peer-delete', namespace, link, publicKey: key })),
    ...(before.wireguard?.publicKey === publicKey && before.wireguard.port === port ? [] : [{ op: 'wireguard-set', namespace, link, keyFile, publicKey, port } as const]),
    ...wireguard.peers.filter((peer) => !isSame(peer, had.get(peer.publicKey))).map((peer): Op => ({ op: 'wireguard-peer-set', namespace, link, ...peer })),
  ];
}

/**
 * What a WireGuard link is, in the words of what it is to be. Where a peer is reached, the kernel learns from what comes with the right key:
 * so any place is right, and none is not.
 */
export function actualWireguard(wanted: WireguardState, found: WireguardSnapshot | undefined): WireguardState {
  const endpoints = new Map(wanted.peers.map(({ publicKey, endpoint }) => [publicKey, endpoint]));
  const peers = (found?.peers ?? []).map(({ publicKey, allowed, endpoint }): WireguardPeer => ({ publicKey, allowed, endpoint: endpoint === undefined ? { address: '', port: 0 } : (endpoints.get(publicKey) ?? endpoint) }));
  return { keyFile: wanted.keyFile, publicKey: found?.publicKey ?? '', port: found?.port ?? 0, peers };
}

function isSame(a: WireguardPeer, b: WireguardPeer | undefined): boolean {
  if (a === b) return true;
  return a.endpoint.address === b?.endpoint.address && a.endpoint.port === b.endpoint.port && a.allowed.toSorted().join() === b.allowed.toSorted().join();
}
