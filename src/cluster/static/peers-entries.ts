/** What would stand in a shared store, if the hosts of a file had one. Pure. */
import { createHash } from 'node:crypto';
import { formatAddress } from '../../common/address.ts';
import { containsCidr, firstOf, formatCidr, lastOf, type Cidr } from '../../common/cidr.ts';
import { vxlanOverhead } from '../../common/vxlan-overhead.ts';
import { addressKey, blockKey, endpointKey, hostKey, lendingKey, networkKey, SUBNETS_KEY } from '../keys.ts';
import type { BlockRecord, HostRecord, SharedEndpoint, SharedNetwork } from '../records.ts';
import { spanningMac } from '../spanning-mac.ts';
import type { Peers, PeersNetwork } from './peers.ts';
import { reservedAddresses } from './reserved-addresses.ts';

/** A host of a file. @throws {RangeError} for one that does not stand there */
export function peerRecord({ hosts, mtu }: Peers, name: string): HostRecord {
  const address = hosts.get(name);
  if (address === undefined) throw new RangeError(`no host ${name}`);
  return { id: hash('host', name).slice(0, 8), name, address, mtu, reaches: [] };
}

/** Values by key. @param self name of this host: of all others, every address may be in use */
export function peersEntries(peers: Peers, self: string): ReadonlyMap<string, unknown> {
  const entries = new Map<string, unknown>([[SUBNETS_KEY, '']]);
  for (const name of peers.hosts.keys()) {
    const record = peerRecord(peers, name);
    entries.set(hostKey(record.id), record);
    entries.set(addressKey(record.address), record.id);
  }
  for (const network of peers.networks) {
    const shared = sharedNetwork(peers, network);
    entries.set(networkKey(shared.id), shared);
    entries.set(lendingKey(shared.id), '');
    for (const [name, blocks] of network.blocks) {
      const hostId = peerRecord(peers, name).id;
      for (const block of blocks.map(formatCidr)) entries.set(blockKey(shared.id, block), { networkId: shared.id, block, hostId } satisfies BlockRecord);
      if (name === self) continue;
      for (const endpoint of blocks.flatMap((block) => possibleEndpoints(network, shared.id, hostId, block))) entries.set(endpointKey(shared.id, endpoint.id), endpoint);
    }
  }
  return entries;
}

/** A network is never changed after it was made: one that is described otherwise is another one. */
function sharedNetwork({ hosts, mtu }: Peers, { name, vni, internal, options, subnets }: PeersNetwork): SharedNetwork {
  const [address = ''] = hosts.values();
  const shared = subnets.map(({ subnet, gateway }) => ({ family: subnet.family, record: { subnet: formatCidr(subnet), gateway, auxiliary: {} } }));
  const what = {
    name,
    vni,
    mtu: mtuIn(options) ?? mtu - vxlanOverhead(address),
    internal,
    ipv4: shared.flatMap(({ family, record }) => (family === 4 ? [record] : [])),
    ipv6: shared.flatMap(({ family, record }) => (family === 6 ? [record] : [])),
    options,
    labels: {},
    created: '',
  };
  return { id: hash('network', JSON.stringify(what)), ...what };
}

/** The driver says what is wrong with any other value. */
function mtuIn(options: Readonly<Record<string, string>>): number | undefined {
  const mtu = Number(options['com.docker.network.driver.mtu']);
  return Number.isInteger(mtu) && mtu >= 68 && mtu <= 65535 ? mtu : undefined;
}

/**
 * One for each address that the host may give: its MAC address follows from that. In a network with both families it follows from
 * the IPv4 address alone, so that IPv6 ones are asked for by neighbour discovery.
 */
function possibleEndpoints({ subnets, names }: PeersNetwork, networkId: string, hostId: string, block: Cidr): SharedEndpoint[] {
  const around = subnets.find(({ subnet }) => containsCidr(subnet, block));
  if (around === undefined || (block.family === 6 && subnets.some(({ subnet }) => subnet.family === 4))) return [];
  const { subnet } = around;
  const reserved = reservedAddresses(around);
  const endpoints: SharedEndpoint[] = [];
  for (let { value } = firstOf(block); value <= lastOf(block).value; value += 1n) {
    const address = formatAddress({ family: block.family, value });
    if (reserved.has(address)) continue;
    const own = block.family === 4 ? { ipv4: `${address}/${String(subnet.prefix)}` } : { ipv6: `${address}/${String(subnet.prefix)}` };
    const called = [...names].flatMap(([name, there]) => (there === address ? [name] : []));
    endpoints.push({ id: hash('endpoint', networkId, address), networkId, hostId, mac: spanningMac(networkId, own), ...own, names: called, services: [] });
  }
  return endpoints;
}

function hash(...words: readonly string[]): string {
  return createHash('sha256').update(words.join(' ')).digest('hex');
}
