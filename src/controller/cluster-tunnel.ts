import type { DriverNetwork, Tunnel } from '../../drivers/driver.ts';
import type { HostRecord } from '../cluster/records.ts';
import { TUNNEL_PREFIX, tunnelAddress } from '../cluster/tunnel-address.ts';
import { familyOf, withoutLength } from '../common/address.ts';
import type { WireguardPeer } from '../kernel/wireguard-state.ts';
import type { MembershipRecord } from './records.ts';

/** Bytes that WireGuard needs before and behind a packet: outer IP, UDP, its own header and the tag. */
const OVERHEAD = { 4: 60, 6: 80 } as const;
/** IPv6 is switched off on links that take less (RFC 8200 §5). */
const SMALLEST_MTU = 1280;

/** How the hosts of a network reach each other. */
export interface Ends {
  /** Plain address at which this host takes what the others send. */
  readonly local: string;
  readonly tunnel?: Tunnel | undefined;
  /** The same of another host; undefined for one that has none. */
  readonly of: (host: HostRecord) => string | undefined;
}

/** How many bytes less than their underlay's the MTU of tunnels is. @param address of this host in the underlay */
export function tunnelOverhead(address: string): number {
  return OVERHEAD[familyOf(address)];
}

/**
 * The tunnel of this host to all others: one WireGuard link, which networks share that are encrypted. Whoever has no key takes
 * no part in those: nothing is sent to him.
 */
export class ClusterTunnel {
  #instance = '';
  #own: MembershipRecord | undefined;
  #tunnel: Tunnel | undefined;

  /** @param own undefined for a host that is in no cluster @param instance id of this host */
  recall(own: MembershipRecord | undefined, instance: string): void {
    this.#own = own;
    this.#instance = instance;
  }

  /** The same object as long as nothing changes; undefined where this host has no key. */
  get state(): Tunnel | undefined {
    return this.#tunnel;
  }

  /** Who is there now, besides this one. */
  follow(peers: readonly HostRecord[]): void {
    const own = this.#own;
    if (own?.tunnel === undefined) return;
    const { keyFile, publicKey, port, mtu } = own.tunnel;
    const cluster = clusterOf(own);
    const list = peers.flatMap(({ id, address, wireguard }): WireguardPeer[] =>
      wireguard === undefined ? [] : [{ publicKey: wireguard.publicKey, endpoint: { address, port: wireguard.port }, allowed: [`${tunnelAddress(cluster, id)}/128`] }],
    );
    const tunnel: Tunnel = {
      link: `wg-${this.#instance}`,
      address: `${tunnelAddress(cluster, this.#instance)}/${String(TUNNEL_PREFIX)}`,
      mtu: Math.max(mtu - tunnelOverhead(own.address), SMALLEST_MTU),
      wireguard: { keyFile, publicKey, port, peers: list },
    };
    if (JSON.stringify(tunnel) !== JSON.stringify(this.#tunnel)) this.#tunnel = tunnel;
  }

  /** How hosts reach each other in a network. @param local plain address of this one in the underlay */
  ends({ isEncrypted = false }: Pick<DriverNetwork, 'isEncrypted'>, local: string): Ends {
    if (!isEncrypted) return { local, of: ({ address }) => (familyOf(address) === familyOf(local) ? address : undefined) };
    const tunnel = this.#tunnel;
    const cluster = this.#own === undefined ? '' : clusterOf(this.#own);
    return { local: tunnel === undefined ? local : withoutLength(tunnel.address), tunnel, of: ({ id, wireguard }) => (tunnel === undefined || wireguard === undefined ? undefined : tunnelAddress(cluster, id)) };
  }
}

function clusterOf({ clusterId, instanceId }: MembershipRecord): string {
  return `${clusterId}-${instanceId}`;
}
