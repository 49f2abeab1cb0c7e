/** Which networks of a cluster have larger packets than its hosts take. Pure. */
import type { HostRecord } from '../cluster/records.ts';
import { quote } from '../common/quote.ts';
import { vxlanOverhead } from '../common/vxlan-overhead.ts';
import { tunnelOverhead } from './cluster-tunnel.ts';
import type { LiveNetwork } from './ledger.ts';

/** Any address inside of tunnels. */
const INNER = '::';

/**
 * Networks keep the MTU that they were made with, and hosts come later, or lose some of theirs.
 * @param hosts those that are there @returns a sentence each
 */
export function oversizedNetworks(networks: Iterable<LiveNetwork>, hosts: readonly HostRecord[]): string[] {
  return [...networks].flatMap(({ record: { name, cluster }, driver }) => {
    if (cluster === undefined) return [];
    const most = (host: HostRecord): number => host.mtu - (driver.isEncrypted === true ? tunnelOverhead(host.address) + vxlanOverhead(INNER) : vxlanOverhead(host.address));
    const small = hosts.filter((host) => most(host) < driver.mtu);
    if (small.length === 0) return [];
    const names = small.map((host) => `${quote(host.name)} (MTU ${String(host.mtu)})`).toSorted().join(', ');
    const fitting = String(Math.min(...small.map(most)));
    return [`network ${quote(name)} has packets of ${String(driver.mtu)} bytes, and for more than ${fitting} the way to and from ${names} is too narrow: they are lost; raise the MTU of the link there and restart that daemon, or make the network again with -o com.docker.network.driver.mtu=${fitting}`];
  });
}
