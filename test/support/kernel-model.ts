import { NetworkError } from '../../src/common/error.ts';
import { ERRNO, kernelError } from '../../src/kernel/errno.ts';
import { FLOOD_MAC, type FdbState, type NeighbourState } from '../../src/kernel/forwarding-state.ts';
import type { FoundNamespace } from '../../src/kernel/kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { BridgePortSet, FdbChange, LinkAdd, LinkSet, NamespacePath, Op, RouteChange, WireguardChange } from '../../src/kernel/op.ts';
import { opWords } from '../../src/kernel/op-words.ts';
import type { RedirectState } from '../../src/kernel/redirect.ts';
import type { LinkSnapshot, LinkTables, NamespaceSnapshot, RouteSnapshot, TableRequest } from '../../src/kernel/snapshot.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A link of the model; `peer` is a veth's other end, `parent` what it sits on. */
export interface ModelLink extends Mutable<Omit<LinkSnapshot, 'addresses' | 'forwarding' | 'neighbours' | 'peerIndex' | 'peerNamespaceId'>> {
  addresses: string[];
  forwarding: FdbState[];
  neighbours: NeighbourState[];
  peer: ModelLink | undefined;
  parent: ModelLink | undefined;
  namespace: NamespacePath;
}

interface ModelNamespace {
  readonly identity: string;
  readonly label: string | undefined;
  links: ModelLink[];
  routes: Mutable<RouteSnapshot>[];
  readonly sysctls: Map<string, string>;
  readonly redirects: Map<string, string>;
}

/** What operations make of links, addresses and routes, in as little as tests of those above the kernel need. */
export class KernelModel {
  readonly #namespaces = new Map<NamespacePath, ModelNamespace>();
  #lastIndex = 1;
  #lastIdentity = 0;

  constructor() {
    this.#namespaces.set(HOST, this.#emptyNamespace());
  }

  /** Links of a namespace, to be read or changed by hand. @throws {NetworkError} NOT_FOUND */
  links(path: NamespacePath = HOST): ModelLink[] {
    return this.#namespace(path).links;
  }

  /** Makes a namespace appear at any path, as a container would. */
  addNamespace(path: NamespacePath, label?: string): void {
    this.#namespaces.set(path, this.#emptyNamespace(label));
  }

  /** Makes it vanish, and the other ends of its veth pairs with it. */
  removeNamespace(path: NamespacePath): void {
    for (const link of this.#namespaces.get(path)?.links ?? []) this.#remove(link);
    this.#namespaces.delete(path);
  }

  namespaceNames(): string[] {
    return [...this.#namespaces.keys()].flatMap((path) => (path.startsWith('/run/netns/') ? [path.slice('/run/netns/'.length)] : []));
  }

  identity(path: NamespacePath): string | undefined {
    return this.#namespaces.get(path)?.identity;
  }

  find(path: NamespacePath): FoundNamespace | undefined {
    const found = this.#namespaces.get(path);
    return found === undefined ? undefined : { path, identity: found.identity, label: found.label };
  }

  sysctl(path: NamespacePath, key: string): string | undefined {
    return this.#namespace(path).sysctls.get(key);
  }

  /** Gives a sysctl a value, as the kernel's default would be. */
  setSysctl(path: NamespacePath, key: string, value: string): void {
    this.#namespace(path).sysctls.set(key, value);
  }

  /** Whether a redirect stands so. */
  hasRedirect(state: RedirectState): boolean {
    return this.#namespaces.get(state.namespace)?.redirects.get(state.table) === redirectKey(state);
  }

  snapshot(path: NamespacePath): NamespaceSnapshot | undefined {
    const found = this.#namespaces.get(path);
    if (found === undefined) return undefined;
    const links = found.links.map(({ peer, parent, namespace, addresses, forwarding: _forwarding, neighbours: _neighbours, wireguard: _wireguard, ...link }) => {
      const other = peer ?? parent;
      return { ...link, addresses: [...addresses], peerIndex: other?.index, peerNamespaceId: other === undefined || other.namespace === namespace ? undefined : 0 };
    });
    return { namespace: path, links, routes: structuredClone(found.routes) };
  }

  /** A link's permanent entries, as far as they are asked for. */
  tables({ namespace, link, forwarding, neighbours, wireguard }: TableRequest): LinkTables | undefined {
    const found = this.#namespaces.get(namespace)?.links.find(({ name }) => name === link);
    if (found === undefined) return undefined;
    const keys = wireguard === true && found.wireguard !== undefined ? { wireguard: structuredClone(found.wireguard) } : {};
    return { namespace, link, ...(forwarding ? { forwarding: [...found.forwarding] } : {}), ...(neighbours ? { neighbours: [...found.neighbours] } : {}), ...keys };
  }

  /** Carries one operation out. @throws {NetworkError} as the real kernel: EXISTS, NOT_FOUND, KERNEL with EEXIST or ENODEV */
  change(op: Op): void {
    switch (op.op) {
      case 'namespace-add':
        if (this.#namespaces.has(`/run/netns/${op.name}`)) throw new NetworkError('EXISTS', `a network namespace named '${op.name}' exists`);
        this.addNamespace(`/run/netns/${op.name}`, op.label);
        for (const { key, value } of op.sysctls ?? []) this.setSysctl(`/run/netns/${op.name}`, key, value);
        return;
      case 'namespace-delete':
        if (op.label === undefined || this.find(`/run/netns/${op.name}`)?.label === op.label) this.removeNamespace(`/run/netns/${op.name}`);
        return;
      case 'link-add':
        return this.#addLink(op);
      case 'link-set':
        return this.#setLink(op);
      case 'link-delete':
      case 'link-group-delete':
        for (const link of this.#namespaces.get(op.namespace)?.links ?? []) {
          if (op.op === 'link-delete' ? link.name === op.name : link.group === op.group) this.#remove(link);
        }
        return;
      case 'bridge-port-set':
        return this.#setPort(op);
      case 'fdb-add':
      case 'fdb-delete':
        return this.#changeFdb(op);
      case 'neighbour-add': {
        const link = this.#link(op, op.link);
        link.neighbours = [...link.neighbours.filter(({ address }) => address !== op.address), { address: op.address, mac: op.mac }];
        return;
      }
      case 'neighbour-delete': {
        const link = this.#namespaces.get(op.namespace)?.links.find(({ name }) => name === op.link);
        if (link !== undefined) link.neighbours = link.neighbours.filter(({ address }) => address !== op.address);
        return;
      }
      case 'wireguard-set':
      case 'wireguard-peer-set':
      case 'wireguard-peer-delete':
        return this.#changeWireguard(op);
      case 'address-add': {
        const { addresses } = this.#link(op, op.link);
        if (addresses.includes(op.address)) throw kernelError(ERRNO.EEXIST, opWords(op));
        addresses.push(op.address);
        return;
      }
      case 'address-delete':
      case 'address-flush': {
        const link = this.#namespaces.get(op.namespace)?.links.find(({ name }) => name === op.link);
        if (link !== undefined) link.addresses = op.op === 'address-flush' ? [] : link.addresses.filter((address) => address !== op.address);
        return;
      }
      case 'route-add':
      case 'route-delete':
        return this.#changeRoute(op);
      case 'sysctl-set':
        this.#namespace(op.namespace).sysctls.set(op.key, op.value);
        return;
      case 'redirect-set':
        this.#namespace(op.namespace).redirects.set(op.table, redirectKey(op));
        return;
      case 'redirect-delete':
        this.#namespaces.get(op.namespace)?.redirects.delete(op.table);
        return;
      default:
    }
  }

  #addLink(op: LinkAdd): void {
    const near = this.#newLink(op, op.name, op);
    near.up = op.up === true;
    near.group = op.group ?? 0;
    near.alias = op.alias;
    near.kind = op.kind.type;
    if (op.kind.type === 'vxlan') {
      const { id, port, local, learning = false } = op.kind;
      near.vxlan = { id, port, local, learning };
    }
    if (op.kind.type === 'wireguard') near.wireguard = { publicKey: undefined, port: 0, peers: [] };
    if (op.master !== undefined) this.#enslave(op, near, op.master);
    if ('parent' in op.kind) {
      const { parent, ...traits } = op.kind;
      near.parent = this.#link({ ...op, namespace: parent.namespace }, parent.name);
      near.traits = traits;
      if (traits.type === 'ipvlan') near.mac = near.parent.mac;
    }
    if (op.kind.type === 'veth') {
      const far = this.#newLink(op, op.kind.peer.name, op.kind.peer);
      Object.assign(far, { kind: 'veth', peer: near });
      near.peer = far;
      this.#namespace(far.namespace).links.push(far);
    }
    this.#namespace(op.namespace).links.push(near);
  }

  #setLink(op: LinkSet): void {
    const link = this.#link(op, op.name);
    if (op.rename !== undefined) {
      this.#refuseTaken(op, op.namespace, op.rename);
      link.name = op.rename;
    }
    const { up = link.up, mac = link.mac, mtu = link.mtu, group = link.group } = op;
    // The kernel forgets neighbours when a link goes down or takes another MAC (neigh_ifdown, neigh_changeaddr).
    if (!up || mac !== link.mac) link.neighbours = [];
    Object.assign(link, { up, mac, mtu, group });
    if (op.alias !== undefined) link.alias = op.alias === '' ? undefined : op.alias;
    if (op.master === null) this.#unslave(link);
    else if (op.master !== undefined) this.#enslave(op, link, op.master);
    if (op.moveTo !== undefined) {
      const from = this.#namespace(op.namespace);
      from.links = from.links.filter((candidate) => candidate !== link);
      Object.assign(link, { namespace: op.moveTo, addresses: [], up: false });
      this.#namespace(op.moveTo).links.push(link);
    }
  }

  #changeRoute(op: RouteChange): void {
    const namespace = op.op === 'route-add' ? this.#namespace(op.namespace) : this.#namespaces.get(op.namespace);
    if (namespace === undefined) return;
    const metric = op.metric ?? 0;
    namespace.routes = namespace.routes.filter((route) => route.destination !== op.destination || route.metric !== metric);
    if (op.op === 'route-delete') return;
    const protocol = op.namespace === HOST ? 78 : 3;
    namespace.routes.push({ destination: op.destination, gateway: op.gateway, linkIndex: this.#link(op, op.link).index, metric, protocol });
  }

  #newLink(op: LinkAdd, name: string, wanted: { readonly namespace: NamespacePath; readonly mac?: string; readonly mtu?: number }): ModelLink {
    this.#refuseTaken(op, wanted.namespace, name);
    const index = ++this.#lastIndex;
    const mac = wanted.mac ?? `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
    return {
      index, name, mac, mtu: wanted.mtu ?? 1500, kind: undefined, up: false, running: true, masterIndex: undefined, alias: undefined,
      group: 0, hairpin: undefined, addresses: [], forwarding: [], neighbours: [], peer: undefined, parent: undefined, namespace: wanted.namespace,
    };
  }

  #refuseTaken(op: Op, path: NamespacePath, name: string): void {
    if (this.#namespace(path).links.some((link) => link.name === name)) throw kernelError(ERRNO.EEXIST, opWords(op));
  }

  #enslave(op: LinkAdd | LinkSet, link: ModelLink, master: string): void {
    this.#unslave(link);
    Object.assign(link, { masterIndex: this.#link(op, master).index, hairpin: false });
  }

  #unslave(link: ModelLink): void {
    for (const setting of ['isolated', 'learning', 'neighbourSuppression'] as const) delete link[setting];
    Object.assign(link, { masterIndex: undefined, hairpin: undefined, forwarding: link.forwarding.filter((entry) => !('master' in entry)) });
  }

  #setPort(op: BridgePortSet): void {
    const link = this.#link(op, op.name);
    if (link.masterIndex === undefined) throw kernelError(ERRNO.EOPNOTSUPP, opWords(op));
    if (op.hairpin !== undefined) link.hairpin = op.hairpin;
    if (op.learning === true) delete link.learning;
    else if (op.learning === false) link.learning = false;
    if (op.neighbourSuppression === false) delete link.neighbourSuppression;
    else if (op.neighbourSuppression === true) link.neighbourSuppression = true;
    if (op.isolated === false) delete link.isolated;
    else if (op.isolated === true) link.isolated = true;
  }

  #changeFdb(op: FdbChange): void {
    const link = this.#namespaces.get(op.namespace)?.links.find(({ name }) => name === op.link);
    if (op.op === 'fdb-delete') {
      if (link !== undefined) link.forwarding = link.forwarding.filter((entry) => !sameEntry(entry, op));
      return;
    }
    const there = this.#link(op, op.link);
    if ('master' in op && there.masterIndex === undefined) throw kernelError(ERRNO.EOPNOTSUPP, opWords(op));
    const entry: FdbState = 'master' in op ? { mac: op.mac, master: true } : { mac: op.mac, destination: op.destination };
    const replaced = (known: FdbState): boolean => sameEntry(known, entry) || (known.mac === entry.mac && entry.mac !== FLOOD_MAC && 'master' in known === 'master' in entry);
    there.forwarding = [...there.forwarding.filter((known) => !replaced(known)), entry];
  }

  #changeWireguard(op: WireguardChange): void {
    const link = this.#link(op, op.link);
    const { wireguard } = link;
    if (wireguard === undefined) throw kernelError(ERRNO.EOPNOTSUPP, opWords(op));
    if (op.op === 'wireguard-set') {
      link.wireguard = { ...wireguard, publicKey: op.publicKey, port: op.port };
      return;
    }
    const allowed = new Set(op.op === 'wireguard-peer-set' ? op.allowed : []);
    // An address leads to one peer.
    const others = wireguard.peers.filter(({ publicKey }) => publicKey !== op.publicKey).map((peer) => ({ ...peer, allowed: peer.allowed.filter((block) => !allowed.has(block)) }));
    const { publicKey } = op;
    link.wireguard = { ...wireguard, peers: op.op === 'wireguard-peer-set' ? [...others, { publicKey, endpoint: op.endpoint, allowed: op.allowed }] : others };
  }

  #remove(link: ModelLink): void {
    for (const end of [link, link.peer]) {
      if (end === undefined) continue;
      const namespace = this.#namespaces.get(end.namespace);
      if (namespace === undefined) continue;
      namespace.links = namespace.links.filter((candidate) => candidate !== end);
      namespace.routes = namespace.routes.filter((route) => route.linkIndex !== end.index);
      for (const port of namespace.links) if (port.masterIndex === end.index) this.#unslave(port);
    }
    for (const child of [...this.#namespaces.values()].flatMap(({ links }) => links.filter(({ parent }) => parent === link))) this.#remove(child);
  }

  #link(op: Op & { readonly namespace: NamespacePath }, name: string): ModelLink {
    const found = this.#namespace(op.namespace).links.find((link) => link.name === name);
    if (found === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${name}'`);
    return found;
  }

  #namespace(path: NamespacePath): ModelNamespace {
    const found = this.#namespaces.get(path);
    if (found === undefined) throw new NetworkError('NOT_FOUND', `there is no network namespace at ${path}`);
    return found;
  }

  #emptyNamespace(label?: string): ModelNamespace {
    return { identity: `4:${++this.#lastIdentity}`, label, links: [], routes: [], sysctls: new Map(), redirects: new Map() };
  }
}

function sameEntry(a: FdbState, b: FdbState): boolean {
  return a.mac === b.mac && ('master' in a ? 'master' in b : 'destination' in b && a.destination === b.destination);
}

function redirectKey({ address, port, udp, tcp }: RedirectState): string {
  return `${address}:${port} ${udp} ${tcp}`;
}
