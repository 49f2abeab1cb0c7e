import { distantParent, interimName } from './interim-name.ts';
import { iptablesProgram } from './iptables.ts';
import { namespacePath } from './named-namespace.ts';
import { linkName, parseAddress, parseMac, parsePrefix } from './netlink/parse.ts';
import { routeProtocol } from './netlink/route-messages.ts';
import { vxlanWords } from './netlink/vxlan-info.ts';
import { FLOOD_MAC } from './forwarding-state.ts';
import { HOST } from './op.ts';
import type { AddressChange, BridgePortSet, ConntrackFlush, FdbChange, LinkAdd, LinkKind, LinkParent, LinkSet, NamespaceAdd, NamespacePath, NeighbourChange, Op, RouteChange, SysctlSet, WireguardChange } from './op.ts';
import { redirectScript } from './redirect.ts';
import { SOCKET } from './sys.ts';
import { sysctlPath } from './sysctl.ts';

/** A program, its words, and what it reads. */
export interface Command {
  readonly words: readonly string[];
  readonly input?: string;
}

/** How the host's own namespace is named to a program that stands in another one. */
export interface CommandPlace {
  /** A process id, or the path of a namespace. */
  readonly host: string;
}

/**
 * What a person would type for an operation, in order.
 * @throws {NetworkError} INVALID for what no operation may hold
 */
export function opCommands(op: Op, place: CommandPlace): Command[] {
  switch (op.op) {
    case 'namespace-add':
      return addNamespace(op);
    case 'namespace-delete':
      namespacePath(op.name);
      return [words('ip', 'netns', 'delete', op.name)];
    case 'processes-end':
      namespacePath(op.name);
      return [words('sh', '-c', 'ip netns pids "$1" | xargs -r kill -KILL', 'sh', op.name)];
    case 'link-add':
      return addLink(op, place);
    case 'link-set':
      return [words(...ip(op.namespace), 'link', 'set', 'dev', linkName(op.name), ...linkSettings(op, place))];
    case 'link-delete':
      return [words(...ip(op.namespace), 'link', 'delete', 'dev', linkName(op.name))];
    case 'link-group-delete':
      return [words(...ip(op.namespace), 'link', 'delete', 'group', String(op.group))];
    case 'bridge-port-set':
      return [words(...tool('bridge', op.namespace), 'link', 'set', 'dev', linkName(op.name), ...portSettings(op))];
    case 'address-add':
    case 'address-delete':
      return [changeAddress(op)];
    case 'address-flush':
      return [words(...ip(op.namespace), 'address', 'flush', 'dev', linkName(op.link), 'scope', 'global')];
    case 'route-add':
    case 'route-delete':
      return [changeRoute(op)];
    case 'fdb-add':
    case 'fdb-delete':
      return [changeFdb(op)];
    case 'neighbour-add':
    case 'neighbour-delete':
      return [changeNeighbour(op)];
    case 'wireguard-set':
    case 'wireguard-peer-set':
    case 'wireguard-peer-delete':
      return [words(...inside(op.namespace), 'wg', 'set', linkName(op.link), ...wireguardSettings(op))];
    case 'sysctl-set':
      return [setSysctl(op)];
    case 'address-probe':
      return op.addresses.map((address) => {
        const ask = address.includes(':') ? ['ndisc6', '-q', '-1', address, op.link] : ['arping', '-q', '-D', '-c', String(op.count), '-I', op.link, address];
        return words(...inside(op.namespace), ...ask);
      });
    case 'announce': {
      const four = !op.address.includes(':');
      const send = four ? ['arping', '-U', '-c', String(op.count), '-I', op.link, op.address] : ['ndsend', op.address, op.link];
      return [words(...inside(op.namespace), ...send)];
    }
    case 'conntrack-flush':
      return flushConntrack(op);
    case 'redirect-set':
      return [{ words: [...inside(op.namespace), 'nft', '-f', '-'], input: redirectScript(op) }];
    case 'redirect-delete':
      return [words(...inside(op.namespace), 'nft', 'delete', 'table', 'netdev', op.table)];
    case 'nft':
      return [{ words: ['nft', '-f', '-'], input: op.script }];
    case 'iptables-restore':
      return [{ words: [iptablesProgram(op.family, op.variant, 'restore'), '--noflush', ...(op.family === 'bridge' ? [] : ['-w'])], input: op.batch }];
  }
}

function addNamespace({ name, label, sysctls = [] }: NamespaceAdd): Command[] {
  const namespace = namespacePath(name);
  return [
    words('ip', 'netns', 'add', name),
    words(...ip(namespace), 'link', 'set', 'dev', 'lo', 'up', ...option('alias', label)),
    ...sysctls.map((sysctl) => setSysctl({ op: 'sysctl-set', namespace, ...sysctl })),
  ];
}

function addLink(op: LinkAdd, place: CommandPlace): Command[] {
  const { name, mac, mtu, group, master, up, alias, namespace, kind } = op;
  const parent = distantParent(op);
  if (parent !== undefined) return addDistantChild(op, parent, place);
  const far: string[] = [];
  if (kind.type === 'veth') {
    const { peer } = kind;
    far.push('peer', 'name', linkName(peer.name), ...option('address', peer.mac), ...option('mtu', peer.mtu));
    if (peer.namespace !== namespace) far.push('netns', namespaceArgument(peer.namespace, place));
  }
  const settings = [...option('address', mac), ...option('mtu', mtu), ...option('group', group), ...option('master', master), ...(up === true ? ['up'] : [])];
  const on = 'parent' in kind ? ['link', linkName(kind.parent.name)] : [];
  const add = words(...ip(namespace), 'link', 'add', ...on, 'name', linkName(name), ...settings, 'type', kind.type, ...far, ...traitWords(kind));
  return alias === undefined ? [add] : [add, words(...ip(namespace), 'link', 'set', 'dev', name, 'alias', alias)];
}

function addDistantChild(op: LinkAdd, parent: LinkParent, place: CommandPlace): Command[] {
  const { name, mac, mtu, group, up, alias, namespace, kind } = op;
  const born = interimName(op);
  const settings = [...option('address', mac), ...option('mtu', mtu), ...option('group', group), 'netns', namespaceArgument(namespace, place)];
  const set = words(...ip(namespace), 'link', 'set', 'dev', born, 'name', linkName(name), ...option('alias', alias));
  return [
    words(...ip(parent.namespace), 'link', 'add', 'link', linkName(parent.name), 'name', born, ...settings, 'type', kind.type, ...traitWords(kind)),
    set,
    ...(up === true ? [words(...ip(namespace), 'link', 'set', 'dev', name, 'up')] : []),
  ];
}

function traitWords(kind: LinkKind): string[] {
  switch (kind.type) {
    case 'vlan':
      return ['id', String(kind.id)];
    case 'macvlan':
      return ['mode', kind.mode, ...(kind.sources === undefined ? [] : ['macaddr', 'set', ...kind.sources])];
    case 'ipvlan':
      return ['mode', kind.mode, kind.flag];
    case 'vxlan':
      return vxlanWords(kind);
    default:
      return [];
  }
}

function linkSettings(op: LinkSet, place: CommandPlace): string[] {
  const { up, mac, mtu, master, group, alias, rename, moveTo } = op;
  return [
    ...(up === undefined ? [] : [up ? 'up' : 'down']),
    ...option('address', mac),
    ...option('mtu', mtu),
    ...(master === null ? ['nomaster'] : option('master', master)),
    ...option('group', group),
    ...option('alias', alias),
    ...(rename === undefined ? [] : ['name', linkName(rename)]),
    ...(moveTo === undefined ? [] : ['netns', namespaceArgument(moveTo, place)]),
  ];
}

function portSettings({ hairpin, isolated, learning, neighbourSuppression }: BridgePortSet): string[] {
  const settings = Object.entries({ hairpin, isolated, learning, neigh_suppress: neighbourSuppression });
  return settings.flatMap(([name, value]) => (value === undefined ? [] : [name, value ? 'on' : 'off']));
}

function changeFdb(op: FdbChange): Command {
  parseMac(op.mac);
  const verb = op.op === 'fdb-delete' ? 'delete' : op.mac === FLOOD_MAC ? 'append' : 'replace';
  const fdb = words(...tool('bridge', op.namespace), 'fdb', verb, op.mac, 'dev', linkName(op.link));
  if ('master' in op) return words(...fdb.words, 'master', ...(verb === 'delete' ? [] : ['static', 'sticky']));
  parseAddress(op.destination);
  return words(...fdb.words, 'dst', op.destination, 'self', ...(verb === 'delete' ? [] : ['permanent']));
}

function changeNeighbour(op: NeighbourChange): Command {
  parseAddress(op.address);
  parseMac(op.mac);
  const add = op.op === 'neighbour-add';
  return words(...ip(op.namespace), 'neighbour', add ? 'replace' : 'delete', op.address, ...(add ? ['lladdr', op.mac, 'nud', 'permanent'] : []), 'dev', linkName(op.link));
}

function wireguardSettings(op: WireguardChange): string[] {
  if (op.op === 'wireguard-set') return ['private-key', op.keyFile, 'listen-port', String(op.port)];
  const peer = ['peer', op.publicKey];
  if (op.op === 'wireguard-peer-delete') return [...peer, 'remove'];
  const { address, port } = op.endpoint;
  return [...peer, 'endpoint', `${address.includes(':') ? `[${address}]` : address}:${port}`, 'allowed-ips', op.allowed.join(',')];
}

function changeAddress(op: AddressChange): Command {
  const { family, prefix } = parsePrefix(op.address);
  const verb = op.op === 'address-add' ? 'add' : 'delete';
  const extra = family === SOCKET.AF_INET6 ? ['nodad'] : prefix < 31 ? ['brd', '+'] : [];
  return words(...ip(op.namespace), 'address', verb, op.address, ...(verb === 'add' ? extra : []), 'dev', linkName(op.link));
}

function changeRoute(op: RouteChange): Command {
  const { family, prefix } = parsePrefix(op.destination);
  const [program = 'ip', ...rest] = ip(op.namespace);
  const protocol = op.op === 'route-add' && op.namespace === HOST ? ['proto', String(routeProtocol(op.namespace))] : [];
  return words(
    ...insertFamily([program, ...rest], family),
    'route', op.op === 'route-add' ? 'replace' : 'delete', prefix === 0 ? 'default' : op.destination,
    ...option('via', op.gateway), 'dev', linkName(op.link), ...option('metric', op.metric), ...protocol,
  );
}

function setSysctl(op: SysctlSet): Command {
  sysctlPath(op.key);
  return words(...inside(op.namespace), 'sysctl', ...(op.optional === true ? ['-e'] : []), '-q', '-w', `${op.key}=${op.value}`);
}

function flushConntrack({ family, flows, address, to = [], from = [] }: ConntrackFlush): Command[] {
  const all = ['conntrack', '-D', '-f', family === 4 ? 'ipv4' : 'ipv6'];
  const blocks = [...to.flatMap((block) => [words(...all, '--orig-dst', block), words(...all, '--reply-src', block)]), ...from.map((block) => words(...all, '--orig-src', block))];
  const matches = flows.flatMap(({ protocol, originalPort }) => {
    const match = [...all, '-p', protocol, ...option('--orig-port-dst', originalPort)];
    return address === undefined ? [words(...match)] : [words(...match, '--orig-dst', address), words(...match, '--reply-src', address)];
  });
  return [...matches, ...blocks];
}

/** `ip` as it is called for a namespace. */
function ip(namespace: NamespacePath): string[] {
  return tool('ip', namespace);
}

function tool(program: 'ip' | 'bridge', namespace: NamespacePath): string[] {
  const name = nameOf(namespace);
  if (name !== undefined) return [program, '-n', name];
  return [...inside(namespace), program];
}

/** What comes before a program that is to run in a namespace. */
function inside(namespace: NamespacePath): string[] {
  if (namespace === HOST) return [];
  const name = nameOf(namespace);
  return name === undefined ? ['nsenter', `--net=${namespace}`] : ['ip', 'netns', 'exec', name];
}

/** Name of a namespace that `ip netns` knows. */
function nameOf(namespace: NamespacePath): string | undefined {
  return /^(?:\/var)?\/run\/netns\/([^/]+)$/u.exec(namespace)?.[1];
}

function namespaceArgument(namespace: NamespacePath, place: CommandPlace): string {
  return namespace === HOST ? place.host : (nameOf(namespace) ?? namespace);
}

/** `ip -6` takes its family before the object. */
function insertFamily(program: readonly string[], family: number): string[] {
  const at = program.indexOf('ip') === 0 ? 1 : program.length;
  return family === SOCKET.AF_INET6 ? [...program.slice(0, at), '-6', ...program.slice(at)] : [...program];
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}

function words(...all: readonly string[]): Command {
  return { words: all };
}
