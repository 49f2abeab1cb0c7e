import { familyOf, withoutLength } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { HostView, NetworkSpec } from '../driver.ts';
import { settledWords } from '../settled-words.ts';
import { hostAddresses } from './host-access.ts';
import type { ParentOptions } from './options.ts';
import { subInterfaces } from './sub-interfaces.ts';

/** MTU where nothing else says one, bytes (Ethernet). */
const DEFAULT_MTU = 1500;

type Settled = Readonly<Record<string, string>>;

/**
 * Checks a network's parent, and settles what depends on the host: which links are made for it.
 * @param sinkName name of the link that stands in for a parent where the network has none
 * @throws {NetworkError} NOT_FOUND, INVALID, EXISTS, IN_USE naming the network that has the parent, UNSUPPORTED
 */
export function settleParent(spec: Omit<NetworkSpec, 'settled'>, host: HostView, options: ParentOptions, sinkName: string): Settled {
  const { parent, traits } = options;
  const { type, mode } = traits;
  const flag = traits.type === 'ipvlan' ? traits.flag : '';
  checkHostAccess(options);
  if (spec.dhcp !== undefined && parent === undefined) throw new NetworkError('INVALID', 'a DHCP server is reached by a parent on its LAN: name it by -o parent=LINK');
  if (spec.dhcp !== undefined && (mode === 'l3' || mode === 'l3s')) throw new NetworkError('INVALID', `ipvlan_mode=${mode} carries no broadcasts, and DHCP needs them: use ipvlan_mode=l2`);
  const common = { kind: type, mode, flag };
  if (parent === undefined) return { ...common, parent: sinkName, made: '', sink: sinkKind(type, host), host: hostOf(spec, options, []), mtu: String(options.mtu ?? DEFAULT_MTU) };
  if (parent === 'lo') throw new NetworkError('INVALID', `parent 'lo' is the loopback interface, on which nothing can sit: name a network card, a bond, a bridge or a VLAN of one`);
  const made = subInterfaces(parent, host, new Set(host.networks.flatMap(({ settled }) => settledWords(settled['made']))));
  const base = made[0]?.below ?? parent;
  const link = host.links.find(({ name }) => name === base);
  checkLink(link, type);
  if (made.length > 0 && link?.up === false) throw new NetworkError('INVALID', `parent ${quote(base)} is down, and a VLAN on it would be: 'ip link set ${base} up' first`);
  for (const network of host.networks) if (network.settled['parent'] === parent) checkSharing(network, parent, common);
  const most = link?.mtu ?? DEFAULT_MTU;
  if (options.mtu !== undefined && options.mtu > most) throw new NetworkError('INVALID', `mtu ${options.mtu} is more than the ${most} of parent ${quote(base)}`);
  return { ...common, parent, made: made.map(({ name }) => name).join(' '), sink: '', ...reach(spec, options, made.length > 0 ? [] : (link?.addresses ?? [])), mtu: String(options.mtu ?? most) };
}

function sinkKind(type: string, { kinds }: HostView): string {
  // What is sent to either is thrown away; only a dummy is meant for it, but some kernels have none.
  const kind = (['dummy', 'ifb'] as const).find((one) => kinds.has(one));
  if (kind === undefined) throw new NetworkError('UNSUPPORTED', `a ${type} network without a parent needs a dummy or ifb link, and this kernel has neither: give -o parent=LINK`);
  return kind;
}

function checkLink(link: HostView['links'][number] | undefined, type: string): void {
  if (link?.port !== undefined) {
    throw new NetworkError('IN_USE', `parent ${quote(link.name)} is a port of ${link.port.kind ?? 'link'} ${quote(link.port.of)}, which receives everything first: use -o parent=${link.port.of}`);
  }
  if (link?.kind === 'macvlan' || link?.kind === 'ipvlan' || link?.kind === 'macvtap' || link?.kind === 'ipvtap') {
    throw new NetworkError('INVALID', `parent ${quote(link.name)} is a ${link.kind} link itself: name the one that it sits on`);
  }
  const other = type === 'macvlan' ? 'ipvlan' : 'macvlan';
  if (link?.children?.includes(other) === true) {
    throw new NetworkError('IN_USE', `parent ${quote(link.name)} carries ${other} links, and the kernel lets nothing carry both kinds: use ${other}, or another parent`);
  }
}

/** A parent is either for macvlan or for ipvlan; passthru wants it alone; the mode of an ipvlan parent is that of all its links. */
function checkSharing({ name, settled }: HostView['networks'][number], parent: string, wanted: { readonly kind: string; readonly mode: string; readonly flag: string }): void {
  const refuse = (why: string): never => {
    throw new NetworkError('IN_USE', `parent ${quote(parent)} is used by network ${quote(name)}, ${why}`);
  };
  const { kind = '', mode = '', flag = '' } = settled;
  if (kind !== wanted.kind) refuse(`which is ${kind}: the kernel lets nothing carry both kinds`);
  if (kind === 'macvlan' && mode === 'passthru') refuse('which has it for itself (macvlan_mode=passthru)');
  if (kind === 'macvlan' && wanted.mode === 'passthru') refuse('and macvlan_mode=passthru wants it for itself');
  if (kind === 'ipvlan' && (mode !== wanted.mode || flag !== wanted.flag)) refuse(`in ipvlan_mode=${mode}, ipvlan_flag=${flag}: all links on one parent have the same`);
}

function checkHostAccess({ hostAccess, traits }: ParentOptions): void {
  if (!hostAccess) return;
  const apart = traits.type === 'macvlan' ? traits.mode !== 'bridge' : traits.flag !== 'bridge';
  if (apart) throw new NetworkError('INVALID', `host_access needs links that reach each other: not with ${traits.type === 'macvlan' ? `macvlan_mode=${traits.mode}` : `ipvlan_flag=${traits.flag}`}`);
}

/** Where the host is to be reached, and on which LAN its endpoints are, where a server there gives the addresses. */
function reach(spec: Omit<NetworkSpec, 'settled'>, options: ParentOptions, parent: readonly string[]): Settled {
  return { host: hostOf(spec, options, parent), ...(options.hostAccess && spec.dhcp !== undefined ? { lan: parent.join(' ') } : {}) };
}

/** Where the host is to be reached; nowhere without host access. @param parent addresses (CIDR) of the parent */
function hostOf(spec: Omit<NetworkSpec, 'settled'>, { hostAccess, traits }: ParentOptions, parent: readonly string[]): string {
  if (!hostAccess) return '';
  if (spec.dhcp !== undefined) return traits.type === 'macvlan' ? parent.filter((cidr) => familyOf(cidr) === 4).map(withoutLength).join(' ') : '';
  const addresses = hostAddresses(spec, traits);
  const subnets = [...spec.ipv4, ...spec.ipv6];
  if (addresses.length === subnets.length) return addresses.join(' ');
  throw new NetworkError('INVALID', `host_access needs an address for the host in ${subnets.map(({ subnet }) => subnet).join(', ')} that nobody else has: give --aux-address host=ADDRESS`);
}
