import { differentIndexes } from './different-indexes.ts';
import { changeEntries, isDeletion } from './entry-changes.ts';
import { ERRNO, kernelError } from './errno.ts';
import { distantParent, interimName } from './interim-name.ts';
import { linkRefusal, upRefusal } from './link-refusal.ts';
import { addNamespace, deleteNamespace, namespacePath } from './named-namespace.ts';
import { deleteAddress, newAddress } from './netlink/address-messages.ts';
import { Channel } from './netlink/channel.ts';
import { deleteLink, deleteLinkGroup, newLink, setBridgePort, setLink } from './netlink/link-messages.ts';
import type { Request } from './netlink/netlink-socket.ts';
import { parsePrefix } from './netlink/parse.ts';
import { changeRoute } from './netlink/route-messages.ts';
import { globalAddresses } from './netlink/snapshot.ts';
import type { Namespaces } from './netns.ts';
import { HOST } from './op.ts';
import type { AddressChange, AddressFlush, EntryChange, LinkAdd, LinkDelete, LinkGroupDelete, LinkParent, LinkSet, NamespaceAdd, NamespacePath, Op, RedirectDelete, RedirectSet, RouteChange, WireguardChange } from './op.ts';
import { opWords } from './op-words.ts';
import { deleteRedirectIn, setRedirectIn, type RedirectPlace } from './redirects.ts';
import { closeFile } from './sys.ts';
import { writeSysctl } from './sysctl.ts';
import { WireguardLinks } from './wireguard-links.ts';

/** Operations on the links, addresses, routes, sysctls and namespaces of this machine. */
export type NetlinkOp = Exclude<Op, { op: 'nft' | 'iptables-restore' | 'conntrack-flush' | 'announce' | 'address-probe' | 'processes-end' } | EntryChange>;

/** What a deletion may hear when there is nothing to delete. */
const MISSING = new Set<number>([ERRNO.ENODEV, ERRNO.ESRCH, ERRNO.EADDRNOTAVAIL, ERRNO.ENOENT]);

/** All acknowledgements of a send have to fit into the receive buffer. */
const LONGEST_SEND = 256;

/** The first device of every namespace (net/core/dev.c LOOPBACK_IFINDEX). */
const LOOPBACK_INDEX = 1;

/**
 * Carries operations out over netlink for the length of one apply: what it opens and remembers it
 * lets go of when it is disposed, so that nothing pins a namespace or goes stale.
 *
 * An operation is one send, however many messages it takes, and the next is sent when it has
 * succeeded: the kernel works through the rest of a send behind a refusal, so `set alias` sent along
 * with an `add` whose name was taken would mark somebody else's link. Waiting costs nothing that
 * could be measured, because the kernel does the work inside send and has answered when it returns.
 */
export class NetlinkSession implements Disposable {
  readonly #namespaces: Namespaces;
  readonly #discard: (fd: number) => void;
  readonly #channels = new Map<NamespacePath, Channel>();
  readonly #wireguard: WireguardLinks;

  /** @param discard closes a descriptor, best on another thread */
  constructor(namespaces: Namespaces, discard: (fd: number) => void = closeFile) {
    this.#namespaces = namespaces;
    this.#discard = discard;
    this.#wireguard = new WireguardLinks(namespaces);
  }

  [Symbol.dispose](): void {
    this.#wireguard[Symbol.dispose]();
    for (const channel of this.#channels.values()) channel[Symbol.dispose]();
    this.#channels.clear();
  }

  /**
   * Carries one operation out.
   * @throws {NetworkError} KERNEL naming the operation, NOT_FOUND for a missing namespace, EXISTS for a namespace's name, INVALID
   */
  run(op: NetlinkOp): void {
    switch (op.op) {
      case 'namespace-add':
        return this.#addNamespace(op);
      case 'namespace-delete':
        return this.#deleteNamespace(op.name);
      case 'link-add':
        try {
          return this.#addLink(op);
        } catch (error) {
          throw linkRefusal(error, op);
        }
      case 'link-set':
        try {
          return this.#setLink(op);
        } catch (error) {
          throw upRefusal(error, op);
        }
      case 'bridge-port-set':
        return this.#send(this.#channel(op.namespace), op, [setBridgePort(this.#index(op, op.name), op)]);
      case 'address-add':
        return this.#send(this.#channel(op.namespace), op, [newAddress(this.#index(op, op.link), op.address)]);
      case 'route-add':
        return this.#send(this.#channel(op.namespace), op, [changeRoute(this.#index(op, op.link), op)]);
      case 'redirect-set':
      case 'redirect-delete':
        return this.#redirect(op);
      case 'wireguard-set':
      case 'wireguard-peer-set':
      case 'wireguard-peer-delete':
        return this.#changeWireguard(op);
      case 'sysctl-set':
        return this.#setSysctl(op.namespace, op.key, op.value, op.optional === true, opWords(op));
      default:
        return this.#delete(op);
    }
  }

  /**
   * Carries out changes of entries in one namespace: one send for all of them. Behind one that is refused the others are carried out too.
   * @throws {NetworkError} as {@link run}
   */
  runEntries(ops: readonly EntryChange[]): void {
    const [first] = ops;
    if (first === undefined) return;
    const channel = ops.every(isDeletion) ? this.#findChannel(first.namespace) : this.#channel(first.namespace);
    if (channel !== undefined) changeEntries(channel, ops);
  }

  /** One send, all or any of which the kernel may refuse. */
  #send(channel: Channel, op: NetlinkOp, requests: readonly Request[], missingIsFine = false): void {
    for (const { refusal } of channel.socket.transact(requests)) {
      if (refusal === undefined || (missingIsFine && MISSING.has(refusal.errno))) continue;
      throw kernelError(refusal.errno, opWords(op), refusal.text);
    }
  }

  #findChannel(path: NamespacePath): Channel | undefined {
    const known = this.#channels.get(path);
    if (known !== undefined) return known;
    const namespace = this.#namespaces.open(path);
    return namespace === undefined ? undefined : this.#keep(path, Channel.open(this.#namespaces, namespace));
  }

  #channel(path: NamespacePath): Channel {
    return this.#findChannel(path) ?? this.#keep(path, Channel.open(this.#namespaces, this.#namespaces.require(path)));
  }

  #keep(path: NamespacePath, channel: Channel): Channel {
    this.#channels.set(path, channel);
    return channel;
  }

  /** Links came, went or moved, and a veth's far end with them: names mean something else now. */
  #forget(): void {
    for (const channel of this.#channels.values()) channel.forget();
  }

  #index(op: NetlinkOp & { readonly namespace: NamespacePath }, name: string, namespace: NamespacePath = op.namespace): number {
    const index = this.#channel(namespace).findIndex(name);
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${name}'`);
    return index;
  }

  #addLink(op: LinkAdd): void {
    const channel = this.#channel(op.namespace);
    const masterIndex = op.master === undefined ? undefined : this.#index(op, op.master);
    const parent = distantParent(op);
    if (parent !== undefined) return this.#addDistantChild(op, parent);
    const elsewhere = op.kind.type === 'veth' && op.kind.peer.namespace !== op.namespace;
    const peerNamespaceFd = elsewhere ? this.#channel(op.kind.peer.namespace).namespace.fd : undefined;
    const parentIndex = 'parent' in op.kind ? this.#index(op, op.kind.parent.name) : undefined;
    const indexes = elsewhere && op.namespace !== HOST ? differentIndexes(channel, this.#channel(op.kind.peer.namespace)) : undefined;
    this.#send(channel, op, [newLink(op, { masterIndex, peerNamespaceFd, parentIndex, indexes })]);
    if (op.alias !== undefined) this.#send(channel, op, [setLink(this.#index(op, op.name), { alias: op.alias })]);
  }

  #addDistantChild(op: LinkAdd, { namespace, name }: LinkParent): void {
    const [near, far] = [this.#channel(namespace), this.#channel(op.namespace)];
    const parentIndex = this.#index(op, name, namespace);
    const { up, ...born } = { ...op, name: interimName(op) };
    this.#send(near, op, [newLink(born, { parentIndex, namespaceFd: far.namespace.fd })]);
    const index = this.#index(op, born.name);
    try {
      this.#send(far, op, [setLink(index, { rename: op.name, alias: op.alias })]);
      if (up === true) this.#send(far, op, [setLink(index, { up })]);
    } catch (error) {
      this.#send(far, op, [deleteLink(index)]);
      throw error;
    } finally {
      far.forget();
    }
  }

  #setLink(op: LinkSet): void {
    const channel = this.#channel(op.namespace);
    const index = this.#index(op, op.name);
    let masterIndex: number | undefined;
    if (op.master !== undefined) masterIndex = op.master === null ? 0 : this.#index(op, op.master);
    const namespaceFd = op.moveTo === undefined ? undefined : this.#channel(op.moveTo).namespace.fd;
    this.#send(channel, op, [setLink(index, { ...op, masterIndex, namespaceFd })]);
    if (op.rename !== undefined || op.moveTo !== undefined) this.#forget();
  }

  #delete(op: LinkDelete | LinkGroupDelete | AddressChange | AddressFlush | RouteChange): void {
    const channel = this.#findChannel(op.namespace);
    if (channel === undefined) return;
    const requests = this.#deletions(channel, op);
    for (let i = 0; i < requests.length; i += LONGEST_SEND) this.#send(channel, op, requests.slice(i, i + LONGEST_SEND), true);
    if (op.op === 'link-delete' || op.op === 'link-group-delete') this.#forget();
  }

  #deletions(channel: Channel, op: LinkDelete | LinkGroupDelete | AddressChange | AddressFlush | RouteChange): Request[] {
    if (op.op === 'link-group-delete') return [deleteLinkGroup(op.group)];
    const index = channel.findIndex(op.op === 'link-delete' ? op.name : op.link);
    if (index === undefined) return [];
    switch (op.op) {
      case 'link-delete':
        return [deleteLink(index)];
      case 'address-flush':
        return globalAddresses(channel.socket).flatMap((address) => (address.index === index ? [deleteAddress(index, address)] : []));
      case 'route-add':
      case 'route-delete':
        return [changeRoute(index, op)];
      default:
        return [deleteAddress(index, parsePrefix(op.address))];
    }
  }

  #changeWireguard(op: WireguardChange): void {
    const channel = op.op === 'wireguard-peer-delete' ? this.#findChannel(op.namespace) : this.#channel(op.namespace);
    if (channel !== undefined) this.#wireguard.change(channel, op);
  }

  /** Over a socket of its own: it needs none of what a channel has. */
  #redirect(op: RedirectSet | RedirectDelete): void {
    using namespace = op.op === 'redirect-set' ? this.#namespaces.require(op.namespace) : this.#namespaces.open(op.namespace);
    if (namespace === undefined) return;
    const place: RedirectPlace = { namespaces: this.#namespaces, namespace, discard: this.#discard, words: opWords(op) };
    if (op.op === 'redirect-set') setRedirectIn(place, op);
    else deleteRedirectIn(place, op.table);
  }

  #setSysctl(path: NamespacePath, key: string, value: string, optional: boolean, words: string): void {
    const namespace = path === HOST ? this.#namespaces.host : this.#channel(path).namespace;
    const found = this.#namespaces.inside(namespace, () => writeSysctl(key, value));
    if (!found && !optional) throw kernelError(ERRNO.ENOENT, words);
  }

  #addNamespace({ name, label, sysctls = [] }: NamespaceAdd): void {
    const path = namespacePath(name);
    let made: Channel | undefined;
    try {
      addNamespace(this.#namespaces, name, label, () => {
        made = Channel.here(this.#namespaces.current(path));
        const [answer] = made.socket.transact([setLink(LOOPBACK_INDEX, { up: true, alias: label })]);
        if (answer?.refusal !== undefined) throw kernelError(answer.refusal.errno, `set lo up in ${path}`, answer.refusal.text);
        for (const { key, value } of sysctls) {
          if (!writeSysctl(key, value)) throw kernelError(ERRNO.ENOENT, opWords({ op: 'sysctl-set', namespace: path, key, value }));
        }
      });
    } catch (error) {
      made?.[Symbol.dispose]();
      throw error;
    }
    if (made !== undefined) this.#keep(path, made);
  }

  #deleteNamespace(name: string): void {
    const path = namespacePath(name);
    this.#channels.get(path)?.[Symbol.dispose]();
    this.#channels.delete(path);
    deleteNamespace(name);
  }
}
