import { withoutLength } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import { vxlanOverhead } from '../../src/common/vxlan-overhead.ts';
import type { Driver, HostView, NetworkSpec } from '../driver.ts';
import { OverlayNetwork } from './overlay-network.ts';
import { parseOverlayOptions, type OverlayOptions } from './options.ts';

/** The overlay driver (`-d overlay`, `-d tsoverlay`): one network over all hosts of a cluster, by VXLAN (RFC 7348). */
export function overlayDriver(): Driver {
  return {
    name: 'overlay',
    isOnLan: false,
    spansHosts: true,
    kindsInQuestion: (options) => ['vxlan', ...(parseOverlayOptions(options).encrypted ? ['wireguard'] : [])],
    settle,
    open: (spec, label, shared) => new OverlayNetwork(spec, label, shared),
  };
}

function settle(spec: Omit<NetworkSpec, 'settled'>, host: HostView, warn?: (message: string) => void): Readonly<Record<string, string>> {
  const options = parseOverlayOptions(spec.options, warn);
  const { cluster } = host;
  if (cluster === undefined && options.control === 'cluster') {
    throw new NetworkError('UNSUPPORTED', 'an overlay network spans the hosts of a cluster, and this host is in none: start its daemon with --cluster etcd://HOST:2379, or leave what is behind other hosts to a routing daemon (-o tsoverlay.control=evpn)');
  }
  if (spec.dhcp !== undefined) throw new NetworkError('INVALID', 'the addresses of an overlay network are given by its hosts: leave --ipam dhcp out');
  if (!host.kinds.has('vxlan')) throw new NetworkError('UNSUPPORTED', "this kernel has no VXLAN: 'modprobe vxlan' says why");
  refuseTaken(options.vni, host);
  if (cluster === undefined) return settleAlone(options, host);
  if (options.local !== undefined) throw new NetworkError('INVALID', 'option tsoverlay.local is for a host that is in no cluster; those of a cluster have addresses of their own: netctl daemon --advertise ADDRESS');
  const mtu = options.encrypted ? encryptedMtu(host) : cluster.mtu;
  return { vni: String(options.vni ?? cluster.vni), mtu: String(options.mtu ?? mtu) };
}

function encryptedMtu({ cluster, kinds }: HostView): number {
  if (cluster?.encryptedMtu === undefined) throw new NetworkError('UNSUPPORTED', 'an encrypted network needs a key of each host, and this one has none (hosts that stand in a file have not): leave the option encrypted out');
  if (kinds.has('wireguard')) return cluster.encryptedMtu;
  throw new NetworkError('UNSUPPORTED', "an encrypted network needs WireGuard, and this kernel has none: 'modprobe wireguard' says why (it is part of Linux since 5.6); every host of the cluster needs it, or leave the option encrypted out");
}

/** The kernel would say it of the link alone. */
function refuseTaken(vni: number | undefined, { networks }: HostView): void {
  const other = vni === undefined ? undefined : networks.find(({ settled }) => settled['vni'] === String(vni));
  if (other !== undefined) throw new NetworkError('EXISTS', `VNI ${String(vni)} is that of network ${quote(other.name)}: choose another, or none to get a free one`);
}

/** Nobody but its user knows what number others have for it, and who they are. */
function settleAlone({ vni, peers, mtu, local }: OverlayOptions, { links, uplinkAddress, uplinkMtu }: HostView): Readonly<Record<string, string>> {
  if (vni === undefined) throw new NetworkError('INVALID', 'this host is in no cluster, so the number by which others know the network has to be given: -o tsoverlay.vni=NUMBER');
  if (peers.length === 0) throw new NetworkError('INVALID', 'this host is in no cluster, so those who may send have to be named: -o tsoverlay.peers=CIDR,…');
  const address = local ?? uplinkAddress;
  if (address === undefined) throw new NetworkError('INVALID', 'this host has no default route, so its address among the others is not known: -o tsoverlay.local=ADDRESS');
  const link = links.find(({ addresses }) => addresses.some((one) => withoutLength(one) === address));
  if (link === undefined) throw new NetworkError('INVALID', `option tsoverlay.local=${address} is on no interface of this host, which has ${links.flatMap(({ addresses }) => addresses.map(withoutLength)).join(', ')}: name one of them`);
  return { vni: String(vni), local: address, mtu: String(mtu ?? Math.min(link.mtu, uplinkMtu ?? link.mtu) - vxlanOverhead(address)) };
}
