import type { HostView } from '../../drivers/driver.ts';
import { withoutLength } from '../common/address.ts';
import { HOST } from '../kernel/op.ts';
import type { NamespaceSnapshot } from '../kernel/snapshot.ts';
import type { Context } from './context.ts';
import { usersOf } from './link-users.ts';
import { uplinkOf } from './uplink.ts';

/** What a driver may know about the host. @param kinds of link of which it asks whether the kernel has them */
export async function hostView(context: Context, host: NamespaceSnapshot, kinds: readonly string[]): Promise<HostView> {
  const cluster = context.cluster.view;
  const networks = [...context.ledger.networks.values()];
  const used = new Map(networks.flatMap(({ record, driver }) => driver.wanted().links.flatMap(({ name, type }) => (type === 'bridge' ? [[name, record.name] as const] : []))));
  const byIndex = new Map(host.links.map((link) => [link.index, link]));
  const links = host.links.map(async ({ index, name, kind, mtu, up, addresses, masterIndex, peerIndex, traits }) => {
    const master = masterIndex === undefined ? undefined : byIndex.get(masterIndex);
    const vlan = traits?.type === 'vlan' ? { vlan: { id: traits.id, below: byIndex.get(peerIndex ?? 0)?.name } } : {};
    const children = host.links.flatMap((link) => (link.traits !== undefined && link.peerIndex === index && link.peerNamespaceId === undefined ? [link.traits.type] : []));
    const usedBy = used.get(name);
    const sysctls = kind === 'bridge' && usedBy === undefined ? { sysctls: await bridgeSysctls(context, name) } : {};
    const port = master === undefined ? {} : { port: { of: master.name, kind: master.kind } };
    return { name, kind, mtu, up, addresses, users: usersOf(host, name), children, ...vlan, ...port, ...sysctls, ...(usedBy === undefined ? {} : { usedBy }) };
  });
  return {
    links: await Promise.all(links),
    networks: networks.map(({ record: { name, settled } }) => ({ name, settled })),
    ...(cluster === undefined ? {} : { cluster }),
    kinds: new Set(await context.kernel.knownLinkKinds(kinds)),
    ...uplinkView(uplinkOf(host)),
  };
}

function uplinkView(link: NamespaceSnapshot['links'][number] | undefined): Pick<HostView, 'uplinkMtu' | 'uplinkAddress'> {
  const [address] = link?.addresses ?? [];
  return { uplinkMtu: link?.mtu, ...(address === undefined ? {} : { uplinkAddress: withoutLength(address) }) };
}

async function bridgeSysctls({ kernel }: Context, bridge: string): Promise<Readonly<Record<string, string>>> {
  const keys = { route_localnet: `net/ipv4/conf/${bridge}/route_localnet`, disable_ipv6: `net/ipv6/conf/${bridge}/disable_ipv6` };
  const values = await Promise.all(Object.entries(keys).map(async ([name, key]) => [name, await kernel.sysctl(HOST, key)] as const));
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
