/** What is said with Docker plugins to attach an endpoint, as an engine says it. */
import type { Joined } from '../../drivers/driver.ts';
import { mayHaveActed } from '../../drivers/remote/failed-call.ts';
import type { JoinAnswer, NetworkPlugin, PluginInterface } from '../../drivers/remote/network-plugin.ts';
import type { Plugins } from '../../drivers/remote/plugins.ts';
import { withoutLength } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { randomMac } from '../common/mac.ts';
import type { Random } from './context.ts';
import { unlessRefused } from './farewells.ts';
import type { Ledger } from './ledger.ts';
import { endpointCall, endpointOptions, networkCall, pluginInterface, pluginPoolId, sandboxOptions } from './plugin-options.ts';
import type { EndpointRecord, FarewellRecord, NetworkRecord, SubnetRecord } from './records.ts';

/** What an endpoint has been given. */
export interface Attachment {
  /** CIDR; undefined where it has none of that family. */
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** Empty where its link brings one. */
  readonly mac: string;
  /** Undefined where the driver of the network is ours. */
  readonly joined: Joined | undefined;
  /** How its interface is to be called: exactly, or from here on with a number. */
  readonly interface: { readonly name: string | undefined; readonly prefix: string | undefined };
}

/** What the attachment of one endpoint works on. */
export interface AttachParts {
  readonly plugins: Plugins;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Path of the sandbox's namespace. */
  readonly namespace: string;
  /** Writes down what has been got so far: a crash leaves it at the plugin otherwise. */
  readonly note: () => Promise<void>;
}

/** How far it has come: what has to be taken back if it goes no further. */
export type Progress = { -readonly [Key in keyof Pick<FarewellRecord, 'endpoint' | 'addresses'>]: FarewellRecord[Key] };

/**
 * Gets addresses and has the endpoint join.
 * @param progress is kept up to date while it goes on
 * @throws {NetworkError} FORBIDDEN in the plugin's own words, UNAVAILABLE, NOT_FOUND, ABORTED
 */
export async function attach(parts: AttachParts, endpoint: EndpointRecord, progress: Progress): Promise<Attachment> {
  const network = parts.ledger.network(endpoint.networkId).record;
  const addressed = await getAddresses(parts, network, endpoint, progress);
  if (network.remote === undefined) return { ...plain(addressed), joined: undefined, interface: { name: undefined, prefix: undefined } };
  const { plugin } = await parts.plugins.network(network.driver, { signal: parts.signal });
  const call = endpointCall(endpoint);
  const options = { signal: parts.signal };
  const again = mayBeKnown(parts.ledger, endpoint);
  if (again) await forget(plugin, endpoint, parts.signal);
  const known = pluginInterface(addressed);
  const create = (): Promise<PluginInterface> => plugin.createEndpoint(call, known, endpointOptions(parts.ledger, endpoint), options);
  parts.ledger.joining.add(endpoint.id);
  const given = await reach(progress, 'created', () => (again ? withNetwork(parts, plugin, network, create) : create())).finally(() => {
    if (progress.endpoint === undefined) parts.ledger.joining.delete(endpoint.id);
  });
  const answer = await reach(progress, 'joined', () => plugin.join(call, parts.namespace, sandboxOptions(parts.ledger, endpoint), options));
  return {
    ipv4: given.Address || undefined,
    ipv6: given.AddressIPv6 || undefined,
    mac: given.MacAddress,
    joined: joinedOf(answer),
    interface: { name: answer.name, prefix: answer.prefix },
  };
}

async function getAddresses({ plugins, random, signal, note }: AttachParts, network: NetworkRecord, endpoint: EndpointRecord, progress: Progress): Promise<EndpointRecord> {
  const { ipam, ipv4, ipv6 } = network;
  const { grant, name } = endpoint;
  if (ipam === undefined || ipam === 'null' || grant === undefined) return endpoint;
  const { plugin, needsMac } = await plugins.ipam(ipam, { signal });
  // Who gives addresses by it has to know it before the link is there.
  const mac = needsMac && endpoint.mac === '' ? randomMac(random) : endpoint.mac;
  const request = async ([subnet]: readonly SubnetRecord[], known: string | undefined, wanted: string | undefined): Promise<string | undefined> => {
    if (known !== undefined || subnet?.poolId === undefined) return known;
    const poolId = pluginPoolId(subnet.poolId);
    const address = await plugin.requestAddress(poolId, wanted, { name, ...(needsMac ? { mac } : {}) }, { signal });
    progress.addresses = [...progress.addresses, { poolId, address: withoutLength(address) }];
    await note();
    return address;
  };
  const four = await request(ipv4, endpoint.ipv4, grant.ipv4);
  const six = await request(ipv6, endpoint.ipv6, grant.ipv6);
  return { ...endpoint, mac, ...(four === undefined ? {} : { ipv4: four }), ...(six === undefined ? {} : { ipv6: six }) };
}

/** Has the plugin take the endpoint one step further; unless it certainly has not, that has to be taken back too. */
async function reach<T>(progress: Progress, stage: 'created' | 'joined', step: () => Promise<T>): Promise<T> {
  try {
    const answer = await step();
    progress.endpoint = stage;
    return answer;
  } catch (thrown) {
    const error = NetworkError.from(thrown);
    if (mayHaveActed(error)) progress.endpoint = stage;
    throw error;
  }
}

/** A plugin that was started afresh may have forgotten its networks: no engine tells it again, we do. */
async function withNetwork<T>({ signal }: AttachParts, plugin: NetworkPlugin, network: NetworkRecord, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (thrown) {
    const error = NetworkError.from(thrown);
    if (error.code !== 'FORBIDDEN') throw error;
    await plugin.createNetwork(networkCall(network), { signal }).catch(() => Promise.reject(error));
    return task();
  }
}

/** The endpoint had joined before, or may have when a plugin fell silent or a daemon was killed. */
function mayBeKnown({ joining, farewells }: Ledger, { id, remote }: EndpointRecord): boolean {
  return remote?.joined !== undefined || joining.has(id) || farewells.get(id)?.endpoint !== undefined;
}

/** What it may know of an earlier life of the endpoint. */
async function forget(plugin: NetworkPlugin, endpoint: EndpointRecord, signal: AbortSignal): Promise<void> {
  const call = endpointCall(endpoint);
  await unlessRefused(plugin.leave(call, { signal }));
  await unlessRefused(plugin.deleteEndpoint(call, { signal }));
}

function joinedOf({ source, gateway, gatewayIPv6, routes }: JoinAnswer): Joined {
  const gateways = { ...(gateway === undefined ? {} : { 4: gateway }), ...(gatewayIPv6 === undefined ? {} : { 6: gatewayIPv6 }) };
  return { ...(source === undefined ? {} : { source }), gateways, routes };
}

function plain({ ipv4, ipv6, mac }: EndpointRecord): Pick<Attachment, 'ipv4' | 'ipv6' | 'mac'> {
  return { ipv4, ipv6, mac };
}
