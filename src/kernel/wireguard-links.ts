import { NetworkError } from '../common/error.ts';
import { ERRNO, kernelError } from './errno.ts';
import type { Channel } from './netlink/channel.ts';
import { NETLINK } from './netlink/constants.ts';
import { NetlinkSocket, type Request } from './netlink/netlink-socket.ts';
import { findWireguard, getDevice, parseDevice, readFamily, removePeer, setDevice, setPeer } from './netlink/wireguard-messages.ts';
import type { Namespaces } from './netns.ts';
import type { NamespacePath, WireguardChange } from './op.ts';
import { opWords } from './op-words.ts';
import { publicKeyOf, readKeyFile } from './wireguard-key.ts';
import type { WireguardSnapshot } from './wireguard-state.ts';

/** A way to WireGuard links of one namespace. */
interface Way {
  readonly socket: NetlinkSocket;
  /** Of generic netlink. */
  readonly family: number;
}

/** Changes and reads WireGuard links, over sockets that stand in their namespaces for as long as this is not disposed. */
export class WireguardLinks implements Disposable {
  readonly #namespaces: Namespaces;
  readonly #ways = new Map<NamespacePath, Way>();

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#ways.values()) socket[Symbol.dispose]();
    this.#ways.clear();
  }

  /** @throws {NetworkError} KERNEL naming the operation, UNSUPPORTED; NOT_FOUND, FORBIDDEN, CORRUPT for the key */
  change(channel: Channel, op: WireguardChange): void {
    const index = channel.findIndex(op.link);
    if (index === undefined && op.op === 'wireguard-peer-delete') return;
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
    const { socket, family } = this.#way(channel, op.namespace);
    const [answer] = socket.transact([request(family, index, op)]);
    if (answer?.refusal === undefined) return;
    if (answer.refusal.errno === ERRNO.EADDRINUSE && op.op === 'wireguard-set') throw new NetworkError('IN_USE', `${opWords(op)}: another program has UDP port ${op.port}`);
    throw kernelError(answer.refusal.errno, opWords(op), answer.refusal.text);
  }

  /** `wg show LINK`; undefined for a link that is not there, or is no WireGuard link. @throws {NetworkError} KERNEL, UNSUPPORTED */
  read(channel: Channel, namespace: NamespacePath, link: string): WireguardSnapshot | undefined {
    const index = channel.findIndex(link);
    if (index === undefined) return undefined;
    const { socket, family } = this.#way(channel, namespace);
    try {
      return parseDevice(socket.dump(getDevice(family, index), `read WireGuard link '${link}'`).map(({ payload }) => payload));
    } catch (error) {
      const errno = error instanceof NetworkError ? error.kernel?.errno : undefined;
      if (errno === ERRNO.ENODEV || errno === ERRNO.EOPNOTSUPP) return undefined;
      throw error;
    }
  }

  #way(channel: Channel, namespace: NamespacePath): Way {
    const known = this.#ways.get(namespace);
    if (known !== undefined) return known;
    const socket = this.#namespaces.inside(channel.namespace, () => new NetlinkSocket(NETLINK.GENERIC));
    const [answer] = socket.transact([findWireguard()]);
    const family = answer?.reply === undefined ? undefined : readFamily(answer.reply);
    if (family === undefined) {
      socket[Symbol.dispose]();
      throw new NetworkError('UNSUPPORTED', "this kernel has no WireGuard: 'modprobe wireguard' says why");
    }
    const way = { socket, family };
    this.#ways.set(namespace, way);
    return way;
  }
}

function request(family: number, index: number, op: WireguardChange): Request {
  switch (op.op) {
    case 'wireguard-peer-set':
      return setPeer(family, index, op);
    case 'wireguard-peer-delete':
      return removePeer(family, index, op.publicKey);
    case 'wireguard-set': {
      const key = readKeyFile(op.keyFile);
      if (publicKeyOf(key) !== op.publicKey) throw new NetworkError('UNAVAILABLE', `${opWords(op)}: ${op.keyFile} holds another key by now: restart the daemon`);
      return setDevice(family, index, key, op.port);
    }
  }
}
