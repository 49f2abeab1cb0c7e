import { ERRNO } from '../kernel/errno.ts';
import type { Pollable } from '../kernel/poller.ts';
import { acceptSocket, closeFile } from '../kernel/sys.ts';
import type { Closable } from './asker-state.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import { TcpConnection, type TcpTools } from './tcp-connection.ts';
import type { AskerOf } from './udp-listener.ts';

/** What all TCP listeners share. */
export interface ListenerTools extends TcpTools {
  /** Those that wait for free descriptors; calls {@link TcpListener.resume}. */
  readonly paused: Deadlines<TcpListener>;
}

/** Connections taken at once: between two such batches everybody else has a turn. */
const BATCH = 8;
/** struct sockaddr_in6 */
const sender = Buffer.alloc(28);

/** Accepts TCP connections at one socket, and closes them with it. */
export class TcpListener implements Disposable, Pollable {
  readonly #tools: ListenerTools;
  readonly #fd: number;
  readonly #askerOf: AskerOf;
  /** Connections that one asker may have. */
  readonly #most: number;
  readonly #connections = new Set<Closable>();
  readonly #pause: Deadline<TcpListener>;
  #open = true;

  /** @param fd listening, not blocking; closed with this */
  constructor(tools: ListenerTools, fd: number, askerOf: AskerOf, most: number) {
    this.#tools = tools;
    this.#fd = fd;
    this.#askerOf = askerOf;
    this.#most = most;
    this.#pause = tools.paused.make(this);
    tools.poller.add(fd, this);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#tools.paused.cancel(this.#pause);
    this.#tools.poller.remove(this.#fd);
    closeFile(this.#fd);
    for (const connection of this.#connections) connection.close();
  }

  /** Accepts a batch. */
  ready(): void {
    for (let index = 0; index < BATCH; index++) {
      const fd = acceptSocket(this.#fd, sender);
      if (fd === -ERRNO.EMFILE || fd === -ERRNO.ENFILE) return this.#makeRoom();
      if (fd < 0) return;
      const asker = this.#askerOf(sender);
      if (asker.connections.size >= this.#most) asker.makeRoom();
      void new TcpConnection(this.#tools, fd, asker, this.#connections);
    }
  }

  /** Listens again. */
  resume(): void {
    if (this.#open) this.#tools.poller.change(this.#fd, { read: true, write: false });
  }

  /** No descriptor is left: who has been silent longest, of all askers, gives up its own. Without any it is waited for better times. */
  #makeRoom(): void {
    const oldest = this.#tools.idle.first;
    if (oldest !== undefined) return oldest.close();
    this.#tools.poller.change(this.#fd, { read: false, write: false });
    this.#tools.paused.touch(this.#pause);
  }
}
