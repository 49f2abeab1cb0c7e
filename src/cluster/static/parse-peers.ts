/** Reads the text of a file of hosts and their blocks. Pure. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalAddress, familyOf, formatAddress, parseAddress } from '../../common/address.ts';
import { contains, containsCidr, firstOf, formatCidr, overlaps, parseCidr, sizeOf, type Cidr } from '../../common/cidr.ts';
import { NetworkError } from '../../common/error.ts';
import { requireHostname, requireNetworkName } from '../../common/name.ts';
import { quote } from '../../common/quote.ts';
import { isHostAddress } from '../host-address.ts';
import type { Peers, PeersNetwork, PeersSubnet } from './peers.ts';
import { PeersSource, type Path } from './peers-source.ts';
import { reservedAddresses } from './reserved-addresses.ts';

/** Addresses of one block: every other host has entries for all of them. */
const LARGEST_BLOCK = 1024n;
/** Bytes: Ethernet's. */
const DEFAULT_MTU = 1500;
const LARGEST_VNI = 0xffffff;
/** Options that a network of a file does not have, and why. */
const REFUSED_OPTIONS: Readonly<Record<string, string>> = {
  'tsoverlay.vni': "says what stands at 'vni'",
  'com.docker.network.driver.overlay.vxlanid_list': "says what stands at 'vni'",
  'tsoverlay.encrypted': 'needs keys, which hosts of a file do not give each other',
  encrypted: 'needs keys, which hosts of a file do not give each other',
};

const list = z.preprocess((value) => (Array.isArray(value) ? (value as unknown[]) : [value]), z.array(z.string()).min(1));
const scalar = z.union([z.string(), z.number(), z.boolean()], 'must be text').transform(String);
const shape = z.strictObject({
  mtu: z.exactOptional(z.int().min(576).max(65535)),
  hosts: z.record(z.string(), z.string()),
  networks: z.record(
    z.string(),
    z.strictObject({
      vni: z.int().min(1).max(LARGEST_VNI),
      subnets: list,
      gateways: z.exactOptional(list),
      internal: z.exactOptional(z.boolean()),
      options: z.exactOptional(z.record(z.string(), scalar)),
      blocks: z.record(z.string(), list),
      names: z.exactOptional(z.record(z.string(), z.string())),
    }),
  ),
});

type Given = z.infer<typeof shape>['networks'][string];

/** What one network is checked against. */
interface Around {
  readonly source: PeersSource;
  readonly hosts: ReadonlyMap<string, string>;
  /** Those that stand before it. */
  readonly others: readonly PeersNetwork[];
}

/**
 * Reads what a file of hosts says.
 * @param file its path, for messages
 * @throws {NetworkError} INVALID with file, line and way out for everything that cannot be meant
 */
export function parsePeers(file: string, text: string): Peers {
  const source = new PeersSource(file, text);
  const given = shape.safeParse(source.content);
  if (!given.success) throw malformed(source, given.error.issues);
  const hosts = readHosts(source, given.data.hosts);
  const networks: PeersNetwork[] = [];
  for (const [name, network] of Object.entries(given.data.networks)) networks.push(readNetwork({ source, hosts, others: networks }, name, network));
  const digest = createHash('sha256').update(JSON.stringify(given.data)).digest('hex').slice(0, 8);
  return { file, digest, mtu: given.data.mtu ?? DEFAULT_MTU, hosts, networks };
}

function readHosts(source: PeersSource, given: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [name, text] of Object.entries(given)) {
    const path = ['hosts', name];
    const address = read(source, path, () => (requireHostname(name), canonicalAddress(text)));
    if (!isHostAddress(address)) throw source.error(path, `host ${quote(name)} has ${address}, at which no other host can reach it: write the address of its interface`);
    const twin = [...hosts].find(([, other]) => other === address)?.[0];
    if (twin !== undefined) throw source.error(path, `hosts ${quote(twin)} and ${quote(name)} have one address, ${address}: give each its own`);
    const [first = address] = hosts.values();
    if (familyOf(first) !== familyOf(address)) throw source.error(path, `host ${quote(name)} has ${address}, and those before it IPv${String(familyOf(first))}: VXLAN needs one family for all`);
    hosts.set(name, address);
  }
  if (hosts.size === 0) throw source.error(['hosts'], 'there are no hosts: write NAME: ADDRESS for each');
  return hosts;
}

function readNetwork(around: Around, name: string, given: Given): PeersNetwork {
  const { source, others } = around;
  const path = ['networks', name];
  read(source, path, () => requireNetworkName(name));
  const twin = others.find(({ vni }) => vni === given.vni);
  if (twin !== undefined) throw source.error([...path, 'vni'], `VNI ${String(given.vni)} is that of network ${quote(twin.name)}: choose another`);
  for (const key of Object.keys(given.options ?? {})) {
    const reason = REFUSED_OPTIONS[key];
    if (reason !== undefined) throw source.error([...path, 'options', key], `option ${key} ${reason}: leave it out`);
  }
  const subnets = readSubnets(around, path, given);
  const blocks = readBlocks(around, path, given.blocks, subnets);
  return { name, vni: given.vni, internal: given.internal ?? false, options: given.options ?? {}, subnets, blocks, names: readNames(source, [...path, 'names'], given.names ?? {}, subnets, blocks) };
}

function readSubnets({ source, hosts, others }: Around, path: Path, given: Given): PeersSubnet[] {
  const gateways = (given.gateways ?? []).map((text, at) => read(source, [...path, 'gateways', at], () => parseAddress(text)));
  const subnets: PeersSubnet[] = [];
  for (const [at, text] of given.subnets.entries()) {
    const place = [...path, 'subnets', at];
    const subnet = read(source, place, () => parseCidr(text));
    const host = [...hosts].find(([, address]) => contains(subnet, parseAddress(address)));
    if (host !== undefined) throw source.error(place, `subnet ${text} has the address ${host[1]} of host ${quote(host[0])} in it: a network cannot lie below itself, choose another`);
    const known = [...others, { name: String(path[1]), subnets }].find((one) => one.subnets.some((other) => overlaps(other.subnet, subnet)));
    if (known !== undefined) throw source.error(place, `subnet ${text} overlaps one of network ${quote(known.name)}: choose another`);
    const gateway = gateways.find((address) => contains(subnet, address)) ?? { family: subnet.family, value: firstOf(subnet).value + 1n };
    subnets.push({ subnet, gateway: formatAddress(gateway) });
  }
  for (const [at, gateway] of gateways.map(formatAddress).entries()) {
    const around = subnets.find(({ subnet }) => contains(subnet, parseAddress(gateway)));
    if (around === undefined) throw source.error([...path, 'gateways', at], `gateway ${gateway} lies in no subnet of the network, which has ${given.subnets.join(', ')}`);
    if (around.gateway !== gateway) throw source.error([...path, 'gateways', at], `subnet ${formatCidr(around.subnet)} has gateway ${around.gateway} already: leave ${gateway} out`);
  }
  return subnets;
}

function readBlocks({ source, hosts }: Around, path: Path, given: Given['blocks'], subnets: readonly PeersSubnet[]): ReadonlyMap<string, readonly Cidr[]> {
  const blocks = new Map<string, readonly Cidr[]>();
  const all: { readonly host: string; readonly block: Cidr }[] = [];
  for (const [host, texts] of Object.entries(given)) {
    if (!hosts.has(host)) throw source.error([...path, 'blocks', host], `${quote(host)} has blocks and stands not among the hosts: there are ${[...hosts.keys()].join(', ')}`);
    for (const [at, text] of texts.entries()) {
      const place = [...path, 'blocks', host, at];
      const block = read(source, place, () => parseCidr(text));
      if (!subnets.some(({ subnet }) => containsCidr(subnet, block))) throw source.error(place, `block ${text} lies in no subnet of the network, which has ${subnets.map(({ subnet }) => formatCidr(subnet)).join(', ')}`);
      if (sizeOf(block) > LARGEST_BLOCK) throw source.error(place, `block ${text} has ${String(sizeOf(block))} addresses, and every other host has entries for each: ${String(LARGEST_BLOCK)} are the most (/22, IPv6 /118)`);
      const other = all.find((one) => overlaps(one.block, block));
      if (other !== undefined) throw source.error(place, `block ${text} of host ${quote(host)} overlaps ${formatCidr(other.block)} of host ${quote(other.host)}: nobody could tell whose an address is`);
      all.push({ host, block });
    }
    blocks.set(host, all.filter((one) => one.host === host).map(({ block }) => block));
  }
  return blocks;
}

function readNames(source: PeersSource, path: Path, given: Readonly<Record<string, string>>, subnets: readonly PeersSubnet[], blocks: ReadonlyMap<string, readonly Cidr[]>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const hasIpv4 = subnets.some(({ subnet }) => subnet.family === 4);
  for (const [name, text] of Object.entries(given)) {
    const place = [...path, name];
    const address = read(source, place, () => (requireHostname(name), parseAddress(text)));
    if (![...blocks.values()].flat().some((block) => contains(block, address))) throw source.error(place, `name ${quote(name)} leads to ${text}, which is in no block: nobody can have it`);
    if (subnets.some((subnet) => reservedAddresses(subnet).has(formatAddress(address)))) throw source.error(place, `name ${quote(name)} leads to ${text}, which no sandbox can have: it is the gateway's, or the network's own`);
    if (hasIpv4 && address.family === 6) throw source.error(place, `name ${quote(name)} leads to ${text}: in a network with IPv4, names lead to IPv4 addresses`);
    names.set(name, formatAddress(address));
  }
  return names;
}

/** What is read at a place; what is wrong with it is said with the place. */
function read<Result>(source: PeersSource, path: Path, task: () => Result): Result {
  try {
    return task();
  } catch (error) {
    throw source.error(path, NetworkError.from(error).message);
  }
}

/** What a reader of messages calls what zod calls otherwise. */
const WORDS: Readonly<Record<string, string>> = { record: 'lines of NAME: VALUE', object: 'lines of NAME: VALUE', array: 'a list', string: 'text', int: 'a whole number', number: 'a number', boolean: 'true or false' };

function malformed(source: PeersSource, issues: readonly z.core.$ZodIssue[]): NetworkError {
  // What is spelt wrong is missing under its right name too.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys') return source.error([...path, ...issue.keys.slice(0, 1)], `there is no ${issue.keys.map((key) => quote(key)).join(', ')} here: is it spelt right?`);
  const reason = reasonOf(issue, issue?.path.reduce(inside, source.content));
  const names = path.filter((key) => typeof key !== 'number');
  return source.error(path, names.length === 0 ? `not a file of hosts: ${reason}` : `${quote(names.map(String).join('.'))} ${reason}`);
}

/** What stands at a key, or at a place of a list: one thing is a list of one. */
function inside(around: unknown, key: PropertyKey): unknown {
  if (typeof key === 'number' && !Array.isArray(around)) return around;
  return (around as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key];
}

function reasonOf(issue: z.core.$ZodIssue | undefined, found: unknown): string {
  if (issue?.code === 'invalid_type') {
    const wanted = WORDS[issue.expected] ?? issue.expected;
    if (found === undefined || found === null) return issue.path.length === 0 ? 'there is nothing in it' : `has to be ${wanted}, and there is nothing`;
    return `has to be ${wanted}, not ${Array.isArray(found) ? 'a list' : typeof found === 'number' ? String(found) : (WORDS[typeof found] ?? typeof found)}`;
  }
  if (issue?.code === 'too_small' && issue.origin === 'array') return 'is an empty list: leave it out, or say what is in it';
  if (issue?.code === 'too_small') return `is ${String(found)}: ${String(issue.minimum)} is the least`;
  if (issue?.code === 'too_big') return `is ${String(found)}: ${String(issue.maximum)} is the most`;
  return issue?.message ?? 'is malformed';
}
