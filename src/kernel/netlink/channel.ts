import { ERRNO, kernelError } from '../errno.ts';
import type { NamespaceHandle, Namespaces } from '../netns.ts';
import { NETLINK } from './constants.ts';
import { findLink, listLinks } from './link-messages.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import type { Answer } from './netlink-socket.ts';

/** A way into one namespace: its handle and an rtnetlink socket that stands in it. Holding it keeps the namespace alive. */
export class Channel implements Disposable {
  readonly namespace: NamespaceHandle;
  readonly socket: NetlinkSocket;
  readonly #indexes = new Map<string, number>();

  private constructor(namespace: NamespaceHandle, socket: NetlinkSocket) {
    this.namespace = namespace;
    this.socket = socket;
  }

  /** Takes over the handle. @throws {NetworkError} KERNEL */
  static open(namespaces: Namespaces, namespace: NamespaceHandle): Channel {
    try {
      return new Channel(namespace, namespaces.inside(namespace, () => new NetlinkSocket(NETLINK.ROUTE)));
    } catch (error) {
      namespace[Symbol.dispose]();
      throw error;
    }
  }

  /** Of a namespace in which the thread stands right now. */
  static here(namespace: NamespaceHandle): Channel {
    return new Channel(namespace, new NetlinkSocket(NETLINK.ROUTE));
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }

  /** Index of a link, undefined when there is none. Remembered until {@link forget}: a channel lives no longer than one call. */
  findIndex(name: string): number | undefined {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const [answer] = this.socket.transact([findLink(name)]);
    if (answer?.refusal !== undefined && answer.refusal.errno !== ERRNO.ENODEV) {
      throw kernelError(answer.refusal.errno, `find link '${name}'`, answer.refusal.text);
    }
    return this.remember(name, answer);
  }

  /** Takes the index out of the answer to {@link findLink}. */
  remember(name: string, answer: Answer | undefined): number | undefined {
    const reply = answer?.reply;
    if (reply === undefined || reply.length < 8) return undefined;
    const index = reply.readInt32LE(4);
    this.#indexes.set(name, index);
    return index;
  }

  /** A number that no link here has, higher than all. @throws {NetworkError} KERNEL */
  freeIndex(): number {
    const indexes = this.socket.dump(listLinks(), 'list links').map(({ payload }) => payload.readInt32LE(4));
    return Math.max(0, ...indexes) + 1;
  }

  /** Links were deleted, renamed or moved: names may mean something else now. */
  forget(): void {
    this.#indexes.clear();
  }
}
