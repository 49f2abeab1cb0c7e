import { NetworkError } from '../../src/common/error.ts';
import type { Driver, HostView, NetworkSpec } from '../driver.ts';
import { OverlayNetwork } from './overlay-network.ts';
import { parseOverlayOptions } from './options.ts';

/**
 * The overlay driver (`-d overlay`, `-d tsoverlay`): one network over all hosts of a cluster, by VXLAN (RFC 7348).
 * @param warn called with a sentence about an option that is ignored
 */
export function overlayDriver(warn: (message: string) => void = () => {}): Driver {
  return {
    name: 'overlay',
    isOnLan: false,
    spansHosts: true,
    kindsInQuestion: () => ['vxlan'],
    settle: (spec, host) => settle(spec, host, warn),
    open: (spec, label) => new OverlayNetwork(spec, label),
  };
}

function settle(spec: Omit<NetworkSpec, 'settled'>, { cluster, kinds }: HostView, warn: (message: string) => void): Readonly<Record<string, string>> {
  const { mtu, vni } = parseOverlayOptions(spec.options, warn);
  if (cluster === undefined) throw new NetworkError('UNSUPPORTED', 'an overlay network spans the hosts of a cluster, and this host is in none: start its daemon with --cluster etcd://HOST:2379');
  if (spec.dhcp !== undefined) throw new NetworkError('INVALID', 'the addresses of an overlay network are given by its hosts: leave --ipam dhcp out');
  if (!kinds.has('vxlan')) throw new NetworkError('UNSUPPORTED', "this kernel has no VXLAN: 'modprobe vxlan' says why");
  return { vni: String(vni ?? cluster.vni), mtu: String(mtu ?? cluster.mtu) };
}
