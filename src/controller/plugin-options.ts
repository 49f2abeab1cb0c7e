/** From records to what a Docker plugin is told about them, in the engine's words. Pure. */
import type { CreateNetworkCall, EndpointCall, PluginInterface, PluginOptions, PluginSubnet } from '../../drivers/remote/network-plugin.ts';
import { parsePortSpec, type PortBinding, type Protocol } from '../ports/spec.ts';
import type { Ledger } from './ledger.ts';
import type { EndpointRecord, NetworkRecord, SubnetRecord } from './records.ts';

const NETWORK = 'com.docker.network.';
/** What the engine's own IPAM calls its address space (ipams/defaultipam). */
const OWN_SPACE = 'LocalDefault';
/** A pool that holds nothing: the driver finds addresses by itself (ipams/null). */
const NO_POOL: PluginSubnet = { AddressSpace: 'null', Pool: '0.0.0.0/0' };
/** IP protocol numbers (RFC 5237). */
const NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** NetworkDriver.CreateNetwork */
export function networkCall(network: NetworkRecord): CreateNetworkCall {
  const { id, ipv4, ipv6, ipam } = network;
  return {
    NetworkID: id,
    Options: networkOptions(network),
    IPv4Data: ipam === 'null' ? [NO_POOL] : ipv4.map((subnet) => pluginSubnet(subnet, ipam)),
    IPv6Data: ipv6.map((subnet) => pluginSubnet(subnet, ipam)),
  };
}

/** NetworkDriver.GwAllocCheck asks by the same options. */
export function networkOptions({ options, ipv4, ipv6, ipam, internal }: Pick<NetworkRecord, 'options' | 'ipam' | 'internal'> & { readonly ipv4: readonly unknown[]; readonly ipv6: readonly unknown[] }): PluginOptions {
  return {
    [`${NETWORK}generic`]: options,
    [`${NETWORK}enable_ipv4`]: ipv4.length > 0 || ipam === 'null',
    [`${NETWORK}enable_ipv6`]: ipv6.length > 0,
    ...(internal ? { [`${NETWORK}internal`]: true } : {}),
  };
}

/** Both ids of an endpoint. */
export function endpointCall({ id, networkId }: Pick<EndpointRecord, 'id' | 'networkId'>): EndpointCall {
  return { NetworkID: networkId, EndpointID: id };
}

/** What is known of its addresses. */
export function pluginInterface({ ipv4 = '', ipv6 = '', mac }: Pick<EndpointRecord, 'ipv4' | 'ipv6' | 'mac'>): PluginInterface {
  return { Address: ipv4, AddressIPv6: ipv6, MacAddress: mac };
}

/** NetworkDriver.CreateEndpoint: its own options, flat, beside the ports. */
export function endpointOptions(ledger: Ledger, endpoint: EndpointRecord): PluginOptions {
  return { ...endpoint.options, ...sandboxOptions(ledger, endpoint) };
}

/** NetworkDriver.Join, ProgramExternalConnectivity: the ports of the sandbox, unless nobody outside is to reach it. */
export function sandboxOptions(ledger: Ledger, { sandboxId, networkId }: EndpointRecord): PluginOptions {
  const sandbox = sandboxId === undefined ? undefined : ledger.sandboxes.get(sandboxId);
  if (sandbox === undefined || ledger.network(networkId).record.internal) return {};
  const published: readonly PortBinding[] = sandbox.wishes ?? sandbox.ports;
  const exposed = new Map([...sandbox.exposed.flatMap(parsePortSpec), ...published].map(({ protocol, containerPort }) => [`${protocol} ${containerPort}`, { Proto: NUMBERS[protocol], Port: containerPort }]));
  return {
    [`${NETWORK}portmap`]: published.map(portMapping),
    [`${NETWORK}endpoint.exposedports`]: [...exposed.values()],
  };
}

/** What stands before a plugin's own id of a pool in a record: two plugins may call theirs alike. */
export function ownPoolId(plugin: string, id: string): string {
  return `${plugin} ${id}`;
}

/** The plugin's own id of a pool. */
export function pluginPoolId(recorded: string): string {
  return recorded.slice(recorded.indexOf(' ') + 1);
}

function pluginSubnet({ subnet, gateway, auxiliary }: SubnetRecord, ipam: string | undefined): PluginSubnet {
  const length = subnet.split('/')[1] ?? '';
  const named = Object.entries(auxiliary).map(([name, address]) => [name, `${address}/${length}`]);
  return {
    AddressSpace: ipam ?? OWN_SPACE,
    Pool: subnet,
    ...(gateway === undefined ? {} : { Gateway: `${gateway}/${length}` }),
    ...(named.length === 0 ? {} : { AuxAddresses: Object.fromEntries(named) as Record<string, string> }),
  };
}

function portMapping({ protocol, containerPort, hostAddress = '', hostPort = 0, hostPortEnd = hostPort }: PortBinding): PluginOptions {
  return { Proto: NUMBERS[protocol], IP: '', Port: containerPort, HostIP: hostAddress, HostPort: hostPort, HostPortEnd: hostPortEnd };
}
