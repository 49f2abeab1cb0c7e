/** From a cable's record to how its two links are to be. Pure. */
import { NOTHING } from '../../drivers/driver.ts';
import { bitsOf, formatAddress } from '../common/address.ts';
import { contains, parseInterfaceAddress } from '../common/cidr.ts';
import type { PeerState, RouteState, SysctlState } from '../kernel/link-state.ts';
import type { NamespacePath } from '../kernel/op.ts';
import type { Change } from './applier.ts';
import type { Ledger, LiveCable } from './ledger.ts';
import type { CableEndRecord } from './records.ts';

/** What the kernel gives a route without one (IP6_RT_PRIO_USER in linux/ipv6_route.h). */
const IPV6_METRIC = 1024;

/** How the namespaces at both ends are to be; nothing is wanted while one of them is somebody else's. */
export function cableChange(ledger: Ledger, { record, label }: LiveCable): Change {
  const [near, far] = record.ends;
  const [here, there] = [namespaceOf(ledger, near), namespaceOf(ledger, far)];
  if (here === undefined || there === undefined) return { id: record.id, wanted: NOTHING };
  const { mtu, metric } = record;
  // Both carry the label: each may be the one that is left to be found.
  const link = { ...side(near, far, here, metric), label, mtu, type: 'veth' as const, peer: { ...side(far, near, there, metric), label, mtu } };
  return { id: record.id, wanted: { links: [link], facts: [] } };
}

/** Path of the namespace of an end; undefined for that of a sandbox which has lost it. */
function namespaceOf(ledger: Ledger, end: CableEndRecord): NamespacePath | undefined {
  if (!('sandboxId' in end)) return end.namespace;
  return ledger.displaced.has(end.sandboxId) ? undefined : ledger.sandbox(end.sandboxId).namespace;
}

/** What an end reaches by the cable: addresses of the other one that no network of its own holds, as is usual with /32 and /128. CIDR. */
export function reaches(own: Pick<CableEndRecord, 'addresses'>, other: Pick<CableEndRecord, 'addresses'>): string[] {
  const networks = own.addresses.map((text) => parseInterfaceAddress(text).network);
  return other.addresses.flatMap((text) => {
    const { address } = parseInterfaceAddress(text);
    const speaks = networks.some(({ family }) => family === address.family);
    return speaks && !networks.some((network) => contains(network, address)) ? [`${formatAddress(address)}/${bitsOf(address.family)}`] : [];
  });
}

function side(own: CableEndRecord, other: CableEndRecord, namespace: NamespacePath, metric: number): Omit<PeerState, 'handedOver'> {
  const { interface: name, mac, addresses } = own;
  const routes = reaches(own, other).map((destination): RouteState => ({ destination, ...(metric === 0 ? {} : { metric: destination.includes(':') ? IPV6_METRIC + metric : metric }) }));
  return { namespace, name, mac, up: true, addresses, routes, sysctls: sysctls(own) };
}

function sysctls({ interface: name, addresses }: CableEndRecord): SysctlState[] {
  const base = `net/ipv6/conf/${name}`;
  const wanted = addresses.some((text) => text.includes(':'));
  return [
    // Whoever has switched IPv6 off for the sandbox did so on purpose.
    ...(wanted ? [{ key: `${base}/disable_ipv6`, value: '0' }] : []),
    // Nobody else is on the cable: its link-local addresses are usable at once.
    { key: `${base}/accept_dad`, value: '0' },
  ];
}
