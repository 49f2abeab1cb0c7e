import type { HostRecord, SharedEndpoint, SharedNetwork } from '../../src/cluster/records.ts';
import { OF_NETWORK, type Lab } from './lab.ts';
import type { LabMachine } from './lab-machine.ts';

const ROOT = 'netctl/data/';
const FLOOD = '00:00:00:00:00:00';

/** What etcd says, read by etcdctl: not by the code that is tried. */
interface Said {
  readonly hosts: readonly HostRecord[];
  readonly networks: readonly SharedNetwork[];
  readonly endpoints: readonly SharedEndpoint[];
}

/** How the kernels of the machines and what etcd says compare. */
export interface Comparison {
  /** `h1: - what is missing`, `h1: + what is too much` */
  readonly differences: readonly string[];
  /** Entries that there are to be in all kernels together. */
  readonly count: number;
  /** Of these, in etcd. */
  readonly endpoints: number;
}

/** Compares addresses in sandboxes, forwarding entries and neighbours of every machine with what etcd says. */
export async function compareWithEtcd(lab: Lab): Promise<Comparison> {
  const said = await readEtcd(lab.machines[0]);
  const found = await Promise.all(
    lab.machines.map(async (machine) => {
      const lines = wanted(said, machine.name);
      return { count: lines.size, differences: compare(machine.name, lines, await kernel(machine, said)) };
    }),
  );
  return { differences: found.flatMap(({ differences }) => differences), count: found.reduce((sum, { count }) => sum + count, 0), endpoints: said.endpoints.length };
}

async function readEtcd(machine: LabMachine): Promise<Said> {
  const { kvs = [] } = JSON.parse(await machine.etcdctl('get', '--prefix', ROOT, '-w', 'json')) as { kvs?: { key: string; value: string }[] };
  const entries = kvs.map(({ key, value }) => ({ key: decode(key).slice(ROOT.length), value: JSON.parse(decode(value)) as unknown }));
  const below = (prefix: string): unknown[] => entries.filter(({ key }) => key.startsWith(prefix)).map(({ value }) => value);
  return { hosts: below('host/') as HostRecord[], networks: below('network/') as SharedNetwork[], endpoints: below('endpoint/') as SharedEndpoint[] };
}

function wanted({ hosts, networks, endpoints }: Said, name: string): Set<string> {
  const self = hosts.find((host) => host.name === name)?.id;
  const lines = new Set<string>();
  for (const { id } of networks) {
    const [bridge, link] = linksOf(id);
    for (const { hostId, mac, ipv4, ipv6 } of endpoints.filter(({ networkId }) => networkId === id)) {
      const addresses = [ipv4, ipv6].filter((address) => address !== undefined);
      if (hostId === self) {
        for (const address of addresses) lines.add(`sandbox has ${address} at ${mac}`);
        continue;
      }
      const to = hosts.find((host) => host.id === hostId)?.address ?? '';
      lines.add(`${link} sends ${FLOOD} to ${to}`).add(`${link} sends ${mac} to ${to}`).add(`${bridge} sends ${mac} to ${link}`);
      for (const address of addresses) lines.add(`${bridge} knows ${address.split('/')[0] ?? ''} at ${mac}`);
    }
  }
  return lines;
}

/** @see iproute2 bridge(8), ip-neighbour(8), ip-address(8) for what the JSON holds */
async function kernel(machine: LabMachine, { networks }: Said): Promise<Set<string>> {
  interface Forwarding { readonly mac: string; readonly ifname: string; readonly dst?: string; readonly master?: string; readonly flags: readonly string[]; readonly state?: string }
  interface Neighbour { readonly dst: string; readonly dev: string; readonly lladdr: string }
  interface Link { readonly address: string; readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[] }
  const { stdout } = await machine.exec(['sh', '-c', 'ls /sys/class/net; bridge -j fdb show; ip -j neigh show nud permanent; for n in $(ls /run/netns); do nsenter --net=/run/netns/$n ip -j address show; done']);
  const [left = '', ...json] = stdout.split(/\n+(?=\[)/);
  const [forwarding, neighbours, ...sandboxes] = json.map((text) => JSON.parse(text) as unknown) as [Forwarding[], Neighbour[], ...Link[][]];
  const bridges = new Map(networks.map(({ id }) => linksOf(id)));
  const links = new Set(bridges.values());
  const subnets = new Set(networks.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6].map(({ subnet }) => subnet.split('/')[1])));
  const lines = new Set<string>();
  // Links of networks that are gone.
  for (const link of left.split(/\s+/)) if (OF_NETWORK.test(link) && !bridges.has(link) && !links.has(link)) lines.add(`link ${link}`);
  for (const { mac, ifname, dst, master, state } of forwarding) {
    if (dst !== undefined) lines.add(`${ifname} sends ${mac} to ${dst}`);
    // The link's own addresses are permanent.
    else if (master !== undefined && links.has(ifname) && state !== 'permanent') lines.add(`${master} sends ${mac} to ${ifname}`);
  }
  for (const { dst, dev, lladdr } of neighbours) if (bridges.has(dev)) lines.add(`${dev} knows ${dst} at ${lladdr}`);
  for (const { address, addr_info: addresses } of sandboxes.flat()) {
    for (const { local, prefixlen, scope } of addresses) if (scope === 'global' && subnets.has(String(prefixlen))) lines.add(`sandbox has ${local}/${String(prefixlen)} at ${address}`);
  }
  return lines;
}

/** Bridge and VXLAN link of a network. */
function linksOf(networkId: string): [bridge: string, link: string] {
  return [`br-${networkId.slice(0, 12)}`, `vx-${networkId.slice(0, 12)}`];
}

function compare(name: string, wantedLines: ReadonlySet<string>, actual: ReadonlySet<string>): string[] {
  return [...[...wantedLines].filter((line) => !actual.has(line)).map((line) => `${name}: - ${line}`), ...[...actual].filter((line) => !wantedLines.has(line)).map((line) => `${name}: + ${line}`)];
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
