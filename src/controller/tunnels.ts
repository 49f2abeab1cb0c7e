/** What the packet filter has to know of the ways to other hosts. */
import { familyOf, withoutLength } from '../common/address.ts';
import { containsCidr, formatCidr, parseCidr, type Cidr } from '../common/cidr.ts';
import type { Fact } from '../firewall/facts.ts';
import type { LinkState } from '../kernel/link-state.ts';
import type { Change } from './applier.ts';
import type { Context } from './context.ts';

const TUNNEL_FACTS = 'tunnels';

/** Who may send into networks that span hosts. */
export interface Senders extends Pick<Context['cluster'], 'peers' | 'tunnel'> {
  /** Whom users of networks name besides the hosts of the cluster. */
  readonly others: readonly Cidr[];
}

/** Those of this host. */
export function sendersOf({ cluster: { peers, tunnel }, ledger }: Pick<Context, 'cluster' | 'ledger'>): Senders {
  return { peers, tunnel, others: [...ledger.networks.values()].flatMap(({ driver }) => (driver.tunnelPeers ?? []).map((cidr) => parseCidr(cidr))) };
}

/** Only the hosts of the cluster, and whom the user of a network names, may send into its networks. To be called whenever networks or hosts came or went. */
export async function adjustTunnels(context: Context): Promise<void> {
  const change = tunnelChange(sendersOf(context), context.applier.links());
  const before = context.applier.applied(TUNNEL_FACTS).facts;
  if (JSON.stringify(change.wanted.facts) !== JSON.stringify(before)) await context.applier.transition([change], { onFailure: 'forward' });
}

/** What is to be, with these links: at a start it comes with them, and no packet meets one without the other. */
export function tunnelChange(senders: Senders, links: readonly LinkState[]): Change {
  const tunnels = links.flatMap(({ vxlan }) => vxlan ?? []);
  const ports = new Map(tunnels.map(({ local, port }) => [`${familyOf(local)} ${port}`, { kind: 'tunnel-port', family: familyOf(local), port } as const]));
  const ends = [...new Set(tunnels.map(({ local }) => local))].map((address): Fact => ({ kind: 'tunnel-end', family: familyOf(address), address }));
  const peers = ports.size === 0 ? [] : senders.peers.map((address): Fact => ({ kind: 'tunnel-peer', family: familyOf(address), address }));
  const ranges = ports.size === 0 ? [] : withoutInner(senders.others).map((range): Fact => ({ kind: 'tunnel-range', family: range.family, subnet: formatCidr(range) }));
  return { id: TUNNEL_FACTS, wanted: { links: [], facts: [...ends, ...peers, ...ranges, ...ports.values(), ...encryptedWays(senders, links)] } };
}

/** Where what is encrypted is taken, and what comes out of it. */
function encryptedWays({ tunnel }: Senders, links: readonly LinkState[]): Fact[] {
  if (tunnel === undefined || links.every(({ type }) => type !== 'wireguard')) return [];
  const { link, wireguard } = tunnel;
  return [
    { kind: 'tunnel-link', link },
    // From any address: which of its own a host sends from, its routes say.
    { kind: 'encrypted-port', port: wireguard.port },
    ...wireguard.peers.flatMap(({ allowed }) => allowed).map((block): Fact => ({ kind: 'tunnel-peer', family: familyOf(block), address: withoutLength(block) })),
  ];
}

/** Those that are in no other one, each once: two of CIDR either have nothing in common, or one is in the other. */
function withoutInner(ranges: readonly Cidr[]): Cidr[] {
  return ranges.filter((range, index) => !ranges.some((other, place) => place !== index && containsCidr(other, range) && (other.prefix < range.prefix || place < index)));
}
