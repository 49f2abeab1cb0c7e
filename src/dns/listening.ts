import { DatagramBatch } from '../kernel/datagram-batch.ts';
import type { Namespaces } from '../kernel/netns.ts';
import type { NamespacePath } from '../kernel/op.ts';
import type { Poller } from '../kernel/poller.ts';
import type { Closable } from './asker-state.ts';
import { Deadlines } from './deadlines.ts';
import type { DnsPorts } from './dns-server.ts';
import type { DnsLimits } from './limits.ts';
import { openListeners } from './open-listeners.ts';
import { UDP_SIZE } from './protocol.ts';
import type { Responder } from './responder.ts';
import { TcpListener, type ListenerTools } from './tcp-listener.ts';
import { UdpListener, type AskerOf, type UdpTools } from './udp-listener.ts';

/** A pair of sockets at one address of one namespace. */
export interface Listeners extends Disposable {
  readonly ports: DnsPorts;
}

/** ms until a listener that ran out of descriptors tries again. */
const PAUSE = 1000;

/** What listeners need. */
export interface ListeningOptions {
  readonly namespaces: Namespaces;
  /** For datagrams: everybody who is ready has a turn. */
  readonly front: Poller;
  /** For connections: a few of those who are ready have a turn. */
  readonly back: Poller;
  readonly responder: Responder;
  readonly limits: DnsLimits;
  /** ms that never run backwards. */
  readonly now: () => number;
}

/** Opens listeners, and keeps what all of them share. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #udp: UdpTools;
  readonly #tcp: ListenerTools;
  readonly #idle: Deadlines<Closable>;
  readonly #paused: Deadlines<TcpListener>;

  constructor(options: ListeningOptions) {
    const { front, back, responder, limits, now } = options;
    this.#options = options;
    this.#idle = new Deadlines(limits.idle, now);
    this.#paused = new Deadlines(PAUSE, now);
    this.#udp = { poller: front, batch: new DatagramBatch(UDP_SIZE.EDNS), responder, now };
    this.#tcp = { poller: back, responder, idle: this.#idle, paused: this.#paused, now };
  }

  /** When {@link keep} has something to do, by the clock; Infinity: never. */
  get next(): number {
    return Math.min(this.#idle.next, this.#paused.next);
  }

  /** Closes connections that have been silent too long. */
  keep(): void {
    this.#idle.expire((connection) => connection.close());
    this.#paused.expire((listener) => listener.resume());
  }

  /**
   * Opens a pair of sockets.
   * @param port 0 lets the kernel choose
   * @throws {NetworkError} NOT_FOUND for a namespace that is not there, IN_USE, INVALID, KERNEL
   */
  open(namespacePath: NamespacePath, address: string, port: number, askerOf: AskerOf): Listeners {
    const { namespaces, limits } = this.#options;
    using namespace = namespaces.require(namespacePath);
    const { udp, tcp } = namespaces.inside(namespace, () => openListeners(address, port));
    const listeners = [new UdpListener(this.#udp, udp.fd, askerOf), new TcpListener(this.#tcp, tcp.fd, askerOf, limits.connections)];
    return {
      ports: { udp: udp.port, tcp: tcp.port },
      [Symbol.dispose]: () => {
        for (const listener of listeners) listener[Symbol.dispose]();
      },
    };
  }
}
