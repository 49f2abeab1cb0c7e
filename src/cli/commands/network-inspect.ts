import type { Command } from 'commander';
import { getNetwork } from '../../api/calls.ts';
import type { NetworkView, RemoteEndpointView } from '../../controller/views.ts';
import type { SubnetRecord } from '../../controller/records.ts';
import { addFormat } from '../format.ts';
import { inspect } from '../inspect.ts';
import { formatSheet, shortId } from '../table.ts';

/** `netctl network inspect` */
export function networkInspect(command: Command): void {
  addFormat(command, 'json')
    .argument('<network...>', 'names or ids')
    .action((networks: string[], _options: unknown, self: Command) => inspect(self, networks, getNetwork, sheet));
}

function sheet(network: NetworkView): string[] {
  return formatSheet([
    ['Name', network.name],
    ['Id', network.id],
    ['Driver', network.driver],
    ['Created', network.created],
    ['Owner', network.owner],
    ...(network.engineNetworks === undefined ? [] : [['In Docker', network.engineNetworks.map(({ id, name }) => `${name ?? '?'} (${shortId(id)})`)] as const]),
    ['Internal', String(network.internal)],
    ['MTU', String(network.mtu)],
    ['Subnets', [...network.ipv4, ...network.ipv6].map(subnetText)],
    ['Options', Object.entries(network.options).map(([name, value]) => `${name}=${value}`)],
    ['Labels', Object.entries(network.labels).map(([name, value]) => `${name}=${value}`)],
    ['Endpoints', network.endpoints.map(endpointText)],
    ...(network.remoteEndpoints === undefined ? [] : [['On other hosts', network.remoteEndpoints.map((endpoint) => `${endpointText(endpoint)} on ${endpoint.host}`)] as const]),
  ]);
}

function endpointText({ name, ipv4, ipv6, mac }: Pick<RemoteEndpointView, 'name' | 'ipv4' | 'ipv6' | 'mac'>): string {
  return [name, ipv4, ipv6, mac].filter((part) => part !== null).join(' ');
}

function subnetText({ subnet, range, gateway, auxiliary }: SubnetRecord): string {
  const named = Object.entries(auxiliary).map(([name, address]) => `${name}=${address}`);
  return [subnet, range === undefined ? '' : `range ${range}`, gateway === undefined ? 'no gateway' : `gateway ${gateway}`, ...named].filter((part) => part !== '').join(', ');
}
